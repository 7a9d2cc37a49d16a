using System;

namespace Omote
{
    /// <summary>What a sender repeats once a second; it is read again only where its bytes have changed, so that nothing allocates.</summary>
    internal sealed class Description<T> where T : class
    {
        private readonly Func<MessagePart, T> _decode;
        private byte[] _bytes = new byte[0];
        private volatile T _value;

        public Description(Func<MessagePart, T> decode)
        {
            _decode = decode;
        }

        /// <summary>The last that was understood; null before the first.</summary>
        public T Value => _value;

        public void Read(MessagePart part)
        {
            if (_value != null && IsKnown(part)) return;
            _value = _decode(part);
            byte[] bytes = new byte[part.Length];
            Buffer.BlockCopy(part.Bytes, 0, bytes, 0, bytes.Length);
            _bytes = bytes;
        }

        private bool IsKnown(MessagePart part) => new TextSlice { Bytes = part.Bytes, Length = (int)part.Length }.Is(_bytes);
    }
}
