using System.Collections.Generic;

namespace Omote
{
    /// <summary>Reads a msgpack value as objects: Dictionary, List, string, bool, long, ulong, double, byte[] or null.</summary>
    internal static class MessagePackTree
    {
        public static Dictionary<string, object> ReadMap(MessagePackReader reader, int depth = 1)
        {
            MessagePackReader.CheckDepth(depth);
            int count = reader.ReadMap();
            Dictionary<string, object> map = new Dictionary<string, object>(count);
            for (int i = 0; i < count; i++)
            {
                string key = reader.ReadText().ToString();
                map[key] = ReadValue(reader, depth + 1);
            }
            return map;
        }

        private static object ReadValue(MessagePackReader reader, int depth)
        {
            MessagePackKind kind = reader.Peek();
            if (kind == MessagePackKind.Map) return ReadMap(reader, depth);
            if (kind == MessagePackKind.List) return ReadList(reader, depth);
            if (kind == MessagePackKind.Text) return reader.ReadText().ToString();
            if (kind == MessagePackKind.Bool) return reader.ReadBool();
            if (kind == MessagePackKind.Integer) return ReadInteger(reader);
            if (kind == MessagePackKind.Float) return reader.ReadFloat();
            if (kind == MessagePackKind.Binary) return ReadBinary(reader);
            if (kind == MessagePackKind.Nil) reader.ReadNil();
            else reader.Skip();
            return null;
        }

        private static List<object> ReadList(MessagePackReader reader, int depth)
        {
            MessagePackReader.CheckDepth(depth);
            int count = reader.ReadList();
            List<object> list = new List<object>(count);
            for (int i = 0; i < count; i++) list.Add(ReadValue(reader, depth + 1));
            return list;
        }

        private static object ReadInteger(MessagePackReader reader)
        {
            long value = reader.ReadInteger(out bool isBeyondLong);
            if (isBeyondLong) return (ulong)value;
            return value;
        }

        private static byte[] ReadBinary(MessagePackReader reader)
        {
            TextSlice slice = reader.ReadBinary();
            byte[] bytes = new byte[slice.Length];
            System.Buffer.BlockCopy(slice.Bytes, slice.Offset, bytes, 0, slice.Length);
            return bytes;
        }
    }
}
