namespace Omote.Tests
{
    /// <summary>Reads a message of any kind to its end, as a receiver that asked for all of them would.</summary>
    internal static class Decoding
    {
        public static void All(Message message)
        {
            WireDecoder decoder = new WireDecoder();
            WireDecoder.CheckParts(message);
            decoder.ReadHeader(message);
            byte kind = message[0].Bytes[0];
            if (kind == 'v') decoder.ReadVideo(message, new VideoFrame());
            else if (kind == 'p') decoder.ReadParams(message, new ParamsFrame());
            else if (kind == 's') DescriptionDecoder.DecodeSchema(message[2]);
            else DescriptionDecoder.DecodeHello(message[2]);
        }
    }
}
