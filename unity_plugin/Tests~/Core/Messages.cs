using System;
using System.Collections.Generic;
using System.Text;

namespace Omote.Tests
{
    /// <summary>Messages of the wire, as a sender would put them together.</summary>
    internal static class Messages
    {
        public const ulong Session = 0xFEDCBA9876543210;

        /// <summary>The parts as a socket hands them over.</summary>
        public static Message Of(params byte[][] parts) => Into(Message.ForFrames(), parts);

        public static Message Into(Message message, params byte[][] parts)
        {
            message.Clear();
            foreach (byte[] part in parts)
            {
                byte[] bytes = message.Add(part.Length);
                if (bytes != null) Buffer.BlockCopy(part, 0, bytes, 0, part.Length);
            }
            return message;
        }

        public static Dictionary<string, object> Header(ulong sequence = 0, ulong session = Session) => new Dictionary<string, object>
        {
            { "v", 1 }, { "session", session }, { "seq", sequence }, { "index", sequence },
            { "captured", 10UL }, { "generated", 20UL }, { "sent", 30UL }, { "wall", 40UL },
        };

        public static Dictionary<string, object> VideoHeader(int width, int height, ulong sequence = 0, ulong session = Session)
        {
            Dictionary<string, object> header = Header(sequence, session);
            header["w"] = width;
            header["h"] = height;
            header["stride"] = 4 * width;
            header["fmt"] = "rgba8";
            header["colour"] = "srgb";
            header["origin"] = "top";
            header["alpha"] = "straight";
            return header;
        }

        public static byte[] Packed(object value)
        {
            MessagePackWriter writer = new MessagePackWriter(1 << 16);
            writer.WriteValue(value);
            byte[] bytes = new byte[writer.Length];
            Buffer.BlockCopy(writer.Bytes, 0, bytes, 0, bytes.Length);
            return bytes;
        }

        /// <summary>A picture all of whose bytes are one value.</summary>
        public static byte[][] Video(int width, int height, byte value, ulong sequence = 0, ulong session = Session, string topic = "v/omote")
        {
            byte[] pixels = new byte[4 * width * height];
            for (int i = 0; i < pixels.Length; i++) pixels[i] = value;
            return new[] { Ascii(topic), Packed(VideoHeader(width, height, sequence, session)), pixels };
        }

        public static byte[][] Params(float weight, ulong sequence = 0, int floats = 183)
        {
            Dictionary<string, object> header = Header(sequence);
            header["basis"] = "open";
            byte[] payload = new byte[4 * floats];
            for (int i = 0; i < floats; i++) BitConverter.GetBytes(weight).CopyTo(payload, 4 * i);
            return new[] { Ascii("p/omote"), Packed(header), payload };
        }

        public static byte[][] Hello(ulong sequence = 0)
        {
            Dictionary<string, object> said = new Dictionary<string, object>
            {
                { "omote", "0.2.0" }, { "wire", 1 }, { "formats", new[] { "rgba8" } }, { "video", 1 }, { "params", 2 }, { "control", 3 },
                { "methods", new[] { "hello" } },
            };
            return new[] { Ascii("h/omote"), Packed(Header(sequence)), Packed(said) };
        }

        public static byte[] Ascii(string text) => Encoding.ASCII.GetBytes(text);
    }
}
