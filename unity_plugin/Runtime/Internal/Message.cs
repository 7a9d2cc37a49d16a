using System;

namespace Omote
{
    /// <summary>The parts of one message; its buffers grow to the largest message there was, and are used again.</summary>
    internal sealed class Message
    {
        /// <summary>No part of any message is larger.</summary>
        public const int MaxPartBytes = 64 << 20;

        public const int MaxHeaderBytes = 4096;
        public const int MaxControlBytes = 16384;

        private readonly int[] _limits;
        private readonly MessagePart[] _parts;

        private Message(params int[] limits)
        {
            _limits = limits;
            _parts = new MessagePart[limits.Length];
            for (int i = 0; i < _parts.Length; i++) _parts[i] = new MessagePart();
        }

        /// <summary>Room for topic, header and two payloads; of the parts after these only the number is kept.</summary>
        public static Message ForFrames() => new Message(MaxHeaderBytes, MaxHeaderBytes, MaxPartBytes, MaxPartBytes);

        /// <summary>Room for one request or reply.</summary>
        public static Message ForControl() => new Message(MaxControlBytes);

        /// <summary>How many parts there were, kept or not.</summary>
        public int Count { get; private set; }

        public MessagePart this[int index] => _parts[index];

        public void Clear() => Count = 0;

        /// <summary>The buffer for a next part of so many bytes; null where that is not kept: its length alone is enough to refuse it.</summary>
        public byte[] Add(long length)
        {
            int index = Count++;
            if (index >= _parts.Length) return null;
            return _parts[index].Prepare(length, _limits[index]);
        }
    }

    /// <summary>One part of a message.</summary>
    internal sealed class MessagePart
    {
        public byte[] Bytes = new byte[0];

        /// <summary>Its length on the wire; Bytes hold it only if it kept the limit of its place.</summary>
        public long Length { get; private set; }

        public byte[] Prepare(long length, int limit)
        {
            Length = length;
            if (length > limit) return null;
            if (Bytes.Length < length) Bytes = new byte[Roomy(Bytes.Length, (int)length)];
            return Bytes;
        }

        // Raw pictures are all of one size; a JPEG a little larger than the last must not allocate each time.
        private static int Roomy(int had, int wanted) => had == 0 ? wanted : Math.Max(wanted, Math.Min(2 * had, Message.MaxPartBytes));
    }
}
