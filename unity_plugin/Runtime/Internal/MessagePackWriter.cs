using System;
using System.Collections;
using System.Text;

namespace Omote
{
    /// <summary>Writes msgpack within the bounds of the wire: integers as short as they fit, maps with text keys.</summary>
    internal sealed class MessagePackWriter
    {
        private readonly byte[] _bytes;

        public MessagePackWriter(int capacity)
        {
            _bytes = new byte[capacity];
        }

        public byte[] Bytes => _bytes;

        public int Length { get; private set; }

        public void Clear() => Length = 0;

        public void WriteMap(int count)
        {
            Check(count, MessagePackReader.MaxEntries, "entries of a map");
            if (count < 16) Put((byte)(0x80 | count));
            else PutBig(0xDE, (ulong)count, 2);
        }

        public void WriteList(int count)
        {
            Check(count, MessagePackReader.MaxItems, "items of a list");
            if (count < 16) Put((byte)(0x90 | count));
            else PutBig(0xDC, (ulong)count, 2);
        }

        public void WriteText(string text)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            Check(bytes.Length, MessagePackReader.MaxTextBytes, "bytes of a text");
            if (bytes.Length < 32) Put((byte)(0xA0 | bytes.Length));
            else if (bytes.Length < 256) PutBig(0xD9, (ulong)bytes.Length, 1);
            else PutBig(0xDA, (ulong)bytes.Length, 2);
            foreach (byte letter in bytes) Put(letter);
        }

        public void WriteUInt64(ulong value)
        {
            if (value < 128) Put((byte)value);
            else if (value <= byte.MaxValue) PutBig(0xCC, value, 1);
            else if (value <= ushort.MaxValue) PutBig(0xCD, value, 2);
            else if (value <= uint.MaxValue) PutBig(0xCE, value, 4);
            else PutBig(0xCF, value, 8);
        }

        public void WriteInt64(long value)
        {
            if (value >= 0) WriteUInt64((ulong)value);
            else if (value >= -32) Put((byte)value);
            else PutBig(0xD3, (ulong)value, 8);
        }

        public void WriteDouble(double value) => PutBig(0xCB, (ulong)BitConverter.DoubleToInt64Bits(value), 8);

        public void WriteSingle(float value) => PutBig(0xCA, SingleBits.ToBits(value), 4);

        public void WriteNil() => Put(0xC0);

        public void WriteBool(bool value) => Put((byte)(value ? 0xC3 : 0xC2));

        /// <summary>Writes a tree of maps with text keys, lists, texts, numbers, bools and null.</summary>
        public void WriteValue(object value) => WriteValue(value, 1);

        private void WriteValue(object value, int depth)
        {
            if (value == null) WriteNil();
            else if (value is string) WriteText((string)value);
            else if (value is bool) WriteBool((bool)value);
            else if (value is float) WriteSingle((float)value);
            else if (value is double) WriteDouble((double)value);
            else if (value is ulong) WriteUInt64((ulong)value);
            else if (value is int || value is long || value is uint || value is short || value is byte)
                WriteInt64(Convert.ToInt64(value));
            else if (value is IDictionary) WriteDictionary((IDictionary)value, depth);
            else if (value is ICollection) WriteCollection((ICollection)value, depth);
            else throw new OmoteException("an argument is a text, a number, a bool, a list, a map or null, not " + value.GetType().Name);
        }

        private void WriteDictionary(IDictionary map, int depth)
        {
            MessagePackReader.CheckDepth(depth);
            WriteMap(map.Count);
            foreach (DictionaryEntry entry in map)
            {
                if (!(entry.Key is string)) throw new OmoteException("a map has texts as keys, not " + entry.Key.GetType().Name);
                WriteText((string)entry.Key);
                WriteValue(entry.Value, depth + 1);
            }
        }

        private void WriteCollection(ICollection list, int depth)
        {
            MessagePackReader.CheckDepth(depth);
            WriteList(list.Count);
            foreach (object item in list) WriteValue(item, depth + 1);
        }

        private void PutBig(byte code, ulong value, int size)
        {
            Put(code);
            for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) Put((byte)(value >> shift));
        }

        private void Put(byte value)
        {
            if (Length == _bytes.Length) throw new OmoteException("a request has at most " + _bytes.Length + " bytes");
            _bytes[Length++] = value;
        }

        private static void Check(int count, int most, string what)
        {
            if (count > most) throw new OmoteException("at most " + most + " " + what + ", got " + count);
        }
    }
}
