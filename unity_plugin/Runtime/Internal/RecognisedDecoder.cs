using System;
using System.Collections.Generic;

namespace Omote
{
    /// <summary>Reads which expressions the performer makes; as long as they stay the same, it is the same list.</summary>
    internal sealed class RecognisedDecoder
    {
        private const int MaxNames = 16;
        private const int MaxNameBytes = 64;

        private static readonly string[] _nothing = new string[0];

        private string[] _names = _nothing;
        private byte[] _bytes = new byte[0];

        public IReadOnlyList<string> Decode(HeaderFields header)
        {
            MessagePackReader reader = header.FindList(Field.Recognised);
            if (reader == null) return _nothing;
            int start = reader.Position;
            int count = reader.ReadList();
            if (count > MaxNames) throw new WireException("'recognised' has at most " + MaxNames + " names, got " + count);
            for (int i = 0; i < count; i++) ReadName(reader);
            if (!IsAsBefore(reader, start)) Keep(reader, start, count);
            return _names;
        }

        private static TextSlice ReadName(MessagePackReader reader)
        {
            MessagePackKind kind = reader.Peek();
            if (kind != MessagePackKind.Text)
                throw new WireException("'recognised' must be a list of texts, got " + MessagePackKinds.Name(kind));
            TextSlice name = reader.ReadText();
            if (name.Length == 0 || name.Length > MaxNameBytes)
                throw new WireException("a name in 'recognised' has 1 to " + MaxNameBytes + " bytes, got " + name.Length);
            return name;
        }

        private bool IsAsBefore(MessagePackReader reader, int start)
        {
            return reader.Since(start).Is(_bytes);
        }

        private void Keep(MessagePackReader reader, int start, int count)
        {
            TextSlice all = reader.Since(start);
            _bytes = new byte[all.Length];
            Buffer.BlockCopy(all.Bytes, all.Offset, _bytes, 0, all.Length);
            _names = new string[count];
            reader.Position = start;
            reader.ReadList();
            for (int i = 0; i < count; i++) _names[i] = ReadName(reader).ToString();
        }
    }
}
