using System.Collections.Generic;

namespace Omote
{
    /// <summary>Reads what a sender says of itself once a second: schema and hello.</summary>
    internal static class DescriptionDecoder
    {
        public static Schema DecodeSchema(MessagePart part)
        {
            Dictionary<string, object> said = Read(part, "schema");
            List<KeyValuePair<string, int>> fields = new List<KeyValuePair<string, int>>();
            foreach (object item in Items(said, "fields")) fields.Add(DecodeField(item));
            return new Schema(Texts(said, "weights"), fields);
        }

        public static Hello DecodeHello(MessagePart part) => DecodeHello(Read(part, "hello"));

        public static Hello DecodeHello(IReadOnlyDictionary<string, object> said) => new Hello
        {
            Omote = Text(said, "omote"),
            Wire = Number(said, "wire", int.MaxValue),
            Formats = Texts(said, "formats"),
            VideoPort = Number(said, "video", ushort.MaxValue),
            ParamsPort = Number(said, "params", ushort.MaxValue),
            ControlPort = Number(said, "control", ushort.MaxValue),
            Methods = Texts(said, "methods"),
        };

        private static Dictionary<string, object> Read(MessagePart part, string what)
        {
            if (part.Length > Message.MaxHeaderBytes)
                throw new WireException("a " + what + " has at most " + Message.MaxHeaderBytes + " bytes, got " + part.Length);
            MessagePackReader reader = new MessagePackReader();
            reader.Reset(part.Bytes, (int)part.Length);
            Dictionary<string, object> said = MessagePackTree.ReadMap(reader);
            reader.End();
            return said;
        }

        private static KeyValuePair<string, int> DecodeField(object item)
        {
            List<object> pair = item as List<object>;
            if (pair == null || pair.Count != 2 || !(pair[0] is string) || !(pair[1] is long) || (long)pair[1] < 0 || (long)pair[1] > int.MaxValue)
                throw new WireException("a schema lists the 'fields' of the params payload as [name, count]");
            return new KeyValuePair<string, int>((string)pair[0], (int)(long)pair[1]);
        }

        private static List<string> Texts(IReadOnlyDictionary<string, object> said, string key)
        {
            List<string> texts = new List<string>();
            foreach (object item in Items(said, key))
            {
                if (!(item is string)) throw new WireException("'" + key + "' must be a list of texts");
                texts.Add((string)item);
            }
            return texts;
        }

        private static List<object> Items(IReadOnlyDictionary<string, object> said, string key)
        {
            if (said.TryGetValue(key, out object value) && value is List<object>) return (List<object>)value;
            throw new WireException("'" + key + "' must be a list");
        }

        private static string Text(IReadOnlyDictionary<string, object> said, string key)
        {
            if (said.TryGetValue(key, out object value) && value is string) return (string)value;
            throw new WireException("'" + key + "' must be a text");
        }

        private static int Number(IReadOnlyDictionary<string, object> said, string key, int most)
        {
            if (said.TryGetValue(key, out object value) && value is long && (long)value >= 0 && (long)value <= most) return (int)(long)value;
            throw new WireException("'" + key + "' must be a whole number from 0 to " + most);
        }
    }
}
