using System;
using System.Text;

namespace Omote
{
    /// <summary>Reads msgpack within the bounds of the wire; throws WireException and nothing else. Allocates nothing but trees.</summary>
    internal sealed class MessagePackReader
    {
        public const int MaxDepth = 8;
        public const int MaxEntries = 64;
        public const int MaxItems = 256;
        public const int MaxTextBytes = 256;

        private static readonly UTF8Encoding _utf8 = new UTF8Encoding(false, true);

        private byte[] _bytes = new byte[0];
        private int _end;

        /// <summary>Where the next value begins.</summary>
        public int Position { get; set; }

        public void Reset(byte[] bytes, int length)
        {
            _bytes = bytes;
            _end = length;
            Position = 0;
        }

        public MessagePackKind Peek()
        {
            Need(1);
            MessagePackKind kind = MessagePackKinds.Of(_bytes[Position]);
            if (kind == MessagePackKind.Invalid) throw new WireException("0xC1 is no msgpack");
            return kind;
        }

        public int ReadMap()
        {
            byte code = ReadCode(MessagePackKind.Map);
            uint count = code < 0x90 ? (uint)(code & 15) : ReadBig(code == 0xDE ? 2 : 4);
            return Bounded(count, MaxEntries, "entries of a map");
        }

        public int ReadList()
        {
            byte code = ReadCode(MessagePackKind.List);
            uint count = code < 0xA0 ? (uint)(code & 15) : ReadBig(code == 0xDC ? 2 : 4);
            return Bounded(count, MaxItems, "items of a list");
        }

        public TextSlice ReadText()
        {
            byte code = ReadCode(MessagePackKind.Text);
            uint length = code < 0xC0 ? (uint)(code & 31) : ReadBig(1 << (code - 0xD9));
            TextSlice text = Take(Bounded(length, MaxTextBytes, "bytes of a text"));
            CheckUtf8(text);
            return text;
        }

        /// <summary>What was read since this position.</summary>
        internal TextSlice Since(int position)
        {
            return new TextSlice { Bytes = _bytes, Offset = position, Length = Position - position };
        }

        /// <summary>Passes over one value, whatever it is.</summary>
        public void Skip() => Skip(1);

        /// <summary>Passes over the value of an entry of the outermost map.</summary>
        public void SkipEntry() => Skip(2);

        /// <summary>Checks that nothing follows.</summary>
        public void End()
        {
            if (Position != _end) throw new WireException((_end - Position) + " bytes follow the msgpack value; wanted none");
        }

        internal bool ReadNil()
        {
            if (Peek() != MessagePackKind.Nil) return false;
            Position++;
            return true;
        }

        internal bool ReadBool() => ReadCode(MessagePackKind.Bool) == 0xC3;

        /// <summary>The integer as 64 bits; those of a uint64 above long.MaxValue where isBeyondLong.</summary>
        internal long ReadInteger(out bool isBeyondLong)
        {
            byte code = ReadCode(MessagePackKind.Integer);
            isBeyondLong = false;
            if (code < 0x80 || code >= 0xE0) return (sbyte)code;
            int size = 1 << (code & 3);
            ulong bits = ReadBits(size);
            if (code < 0xD0)
            {
                isBeyondLong = bits > long.MaxValue;
                return (long)bits;
            }
            int unused = 64 - 8 * size;
            return (long)(bits << unused) >> unused;
        }

        internal double ReadFloat()
        {
            byte code = ReadCode(MessagePackKind.Float);
            if (code == 0xCB) return BitConverter.Int64BitsToDouble((long)ReadBits(8));
            return SingleBits.ToSingle((uint)ReadBits(4));
        }

        internal TextSlice ReadBinary()
        {
            byte code = ReadCode(MessagePackKind.Binary);
            return Take(Bounded(ReadBig(1 << (code - 0xC4)), MaxTextBytes, "bytes of a binary"));
        }

        private void Skip(int depth)
        {
            MessagePackKind kind = Peek();
            if (kind == MessagePackKind.Map) SkipItems(2 * ReadMap(), depth);
            else if (kind == MessagePackKind.List) SkipItems(ReadList(), depth);
            else if (kind == MessagePackKind.Text) ReadText();
            else if (kind == MessagePackKind.Binary) ReadBinary();
            else if (kind == MessagePackKind.Integer) ReadInteger(out bool _);
            else if (kind == MessagePackKind.Float) ReadFloat();
            else if (kind == MessagePackKind.Extension) SkipExtension();
            else Position++;
        }

        private void SkipItems(int count, int depth)
        {
            CheckDepth(depth);
            for (int i = 0; i < count; i++) Skip(depth + 1);
        }

        internal static void CheckDepth(int depth)
        {
            if (depth > MaxDepth) throw new WireException("msgpack nested deeper than " + MaxDepth);
        }

        private void SkipExtension()
        {
            byte code = ReadCode(MessagePackKind.Extension);
            uint length = code >= 0xD4 ? 1u << (code - 0xD4) : ReadBig(1 << (code - 0xC7));
            Take(1 + Bounded(length, MaxTextBytes, "bytes of an extension"));
        }

        private byte ReadCode(MessagePackKind wanted)
        {
            MessagePackKind found = Peek();
            if (found != wanted) throw new WireException("wanted " + MessagePackKinds.Name(wanted) + ", got " + MessagePackKinds.Name(found));
            return _bytes[Position++];
        }

        private uint ReadBig(int size) => (uint)ReadBits(size);

        private ulong ReadBits(int size)
        {
            Need(size);
            ulong bits = 0;
            for (int i = 0; i < size; i++) bits = bits << 8 | _bytes[Position++];
            return bits;
        }

        private TextSlice Take(int length)
        {
            Need(length);
            TextSlice slice = new TextSlice { Bytes = _bytes, Offset = Position, Length = length };
            Position += length;
            return slice;
        }

        private void Need(int count)
        {
            if (count > _end - Position)
                throw new WireException("msgpack ends early: " + count + " bytes wanted, " + (_end - Position) + " left");
        }

        private static int Bounded(uint count, int most, string what)
        {
            if (count > most) throw new WireException("at most " + most + " " + what + ", got " + count);
            return (int)count;
        }

        private static void CheckUtf8(TextSlice text)
        {
            try
            {
                _utf8.GetCharCount(text.Bytes, text.Offset, text.Length);
            }
            catch (ArgumentException)
            {
                throw new WireException("a text is not UTF-8");
            }
        }
    }
}
