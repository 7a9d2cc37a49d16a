using System.Text;

namespace Omote
{
    /// <summary>A text inside a message, not copied out of it.</summary>
    internal struct TextSlice
    {
        public byte[] Bytes;
        public int Offset;
        public int Length;

        public bool Is(byte[] text)
        {
            if (Length != text.Length) return false;
            for (int i = 0; i < Length; i++)
                if (Bytes[Offset + i] != text[i]) return false;
            return true;
        }

        public override string ToString() => Encoding.UTF8.GetString(Bytes, Offset, Length);
    }
}
