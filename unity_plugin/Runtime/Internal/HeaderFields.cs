using System.Text;

namespace Omote
{
    /// <summary>The keys of a header that this version knows.</summary>
    internal enum Field
    {
        V,
        Session,
        Seq,
        Index,
        Captured,
        Generated,
        Sent,
        Wall,
        W,
        H,
        Stride,
        Fmt,
        Colour,
        Origin,
        Alpha,
        Basis,
        Recognised,
    }

    /// <summary>Finds the values of a header's known keys; each is read only when it is wanted, unknown keys are passed over.</summary>
    internal sealed class HeaderFields
    {
        public const int Version = 1;
        private const int Missing = -1;

        private static readonly string[] _names =
        {
            "v", "session", "seq", "index", "captured", "generated", "sent", "wall",
            "w", "h", "stride", "fmt", "colour", "origin", "alpha", "basis", "recognised",
        };

        private static readonly byte[][] _keys = System.Array.ConvertAll(_names, Encoding.ASCII.GetBytes);

        private readonly MessagePackReader _reader = new MessagePackReader();
        private readonly int[] _at = new int[_names.Length];

        /// <summary>Reads a whole header; WireException where it is none, or of a newer version.</summary>
        public void Read(MessagePart part)
        {
            if (part.Length > Message.MaxHeaderBytes)
                throw new WireException("a header has at most " + Message.MaxHeaderBytes + " bytes, got " + part.Length);
            for (int i = 0; i < _at.Length; i++) _at[i] = Missing;
            _reader.Reset(part.Bytes, (int)part.Length);
            int entries = _reader.ReadMap();
            for (int i = 0; i < entries; i++) ReadEntry();
            _reader.End();
            CheckVersion();
        }

        public Header Stamps() => new Header
        {
            Session = UInt64(Field.Session),
            Sequence = UInt64(Field.Seq),
            Index = UInt64(Field.Index),
            CapturedNs = UInt64(Field.Captured),
            GeneratedNs = UInt64(Field.Generated),
            SentNs = UInt64(Field.Sent),
            WallNs = UInt64(Field.Wall),
        };

        public ulong UInt64(Field field, ulong most = ulong.MaxValue)
        {
            MessagePackKind kind = Find(field, "a whole number");
            if (kind != MessagePackKind.Integer)
                throw new WireException("'" + _names[(int)field] + "' must be a whole number, got " + MessagePackKinds.Name(kind));
            ulong value = ReadUInt64(field);
            if (value > most) throw new WireException("'" + _names[(int)field] + "' must be from 0 to " + most + ", got " + value);
            return value;
        }

        public TextSlice Text(Field field)
        {
            MessagePackKind kind = Find(field, "a text");
            if (kind != MessagePackKind.Text)
                throw new WireException("'" + _names[(int)field] + "' must be a text, got " + MessagePackKinds.Name(kind));
            return _reader.ReadText();
        }

        /// <summary>The reader, before this list; null where the header has none.</summary>
        public MessagePackReader FindList(Field field)
        {
            if (_at[(int)field] == Missing) return null;
            MessagePackKind kind = Find(field, "a list");
            if (kind != MessagePackKind.List)
                throw new WireException("'" + _names[(int)field] + "' must be a list, got " + MessagePackKinds.Name(kind));
            return _reader;
        }

        private void ReadEntry()
        {
            TextSlice key = _reader.ReadText();
            for (int i = 0; i < _keys.Length; i++)
                if (key.Is(_keys[i])) _at[i] = _reader.Position;
            _reader.SkipEntry();
        }

        private MessagePackKind Find(Field field, string wanted)
        {
            int at = _at[(int)field];
            if (at == Missing) throw new WireException("the header has no '" + _names[(int)field] + "', wanted " + wanted);
            _reader.Position = at;
            return _reader.Peek();
        }

        private ulong ReadUInt64(Field field)
        {
            long value = _reader.ReadInteger(out bool isBeyondLong);
            if (value < 0 && !isBeyondLong)
                throw new WireException("'" + _names[(int)field] + "' must be a whole number from 0, got " + value);
            return (ulong)value;
        }

        private void CheckVersion()
        {
            ulong version = UInt64(Field.V);
            if (version < 1) throw new WireException("a header says its version, 'v': " + Version + ", got " + version);
            if (version > Version)
                throw new WireException("wire version " + version + " is newer than " + Version + ", the newest known here; update this receiver");
        }
    }
}
