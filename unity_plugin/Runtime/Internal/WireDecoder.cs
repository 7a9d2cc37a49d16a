namespace Omote
{
    /// <summary>Reads the messages of WIRE.md; throws WireException and nothing else where they break a rule.</summary>
    internal sealed class WireDecoder
    {
        private const int LeastParts = 3;
        private const int MostParts = 8;

        private readonly HeaderFields _fields = new HeaderFields();
        private readonly VideoDecoder _video = new VideoDecoder();
        private readonly ParamsDecoder _params = new ParamsDecoder();

        /// <summary>Checks the number of parts and that the first is some topic of this wire.</summary>
        public static void CheckParts(Message message)
        {
            if (message.Count < LeastParts || message.Count > MostParts)
                throw new WireException("a message has " + LeastParts + " to " + MostParts + " parts, got " + message.Count);
            MessagePart topic = message[0];
            if (topic.Length > Message.MaxHeaderBytes || !Topic.IsTopic(topic.Bytes, (int)topic.Length))
                throw new WireException("a topic reads v/NAME, v.FORMAT/NAME, p/NAME, s/NAME or h/NAME, got one of " + topic.Length + " bytes");
        }

        /// <summary>Reads the header; the payload is read by the method of its kind, afterwards.</summary>
        public Header ReadHeader(Message message)
        {
            _fields.Read(message[1]);
            return _fields.Stamps();
        }

        public void ReadVideo(Message message, VideoFrame frame) => _video.Decode(_fields, message, frame);

        public void ReadParams(Message message, ParamsFrame frame) => _params.Decode(_fields, message[2], frame);
    }
}
