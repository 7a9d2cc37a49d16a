namespace Omote
{
    /// <summary>What a msgpack value is, by its first byte.</summary>
    internal enum MessagePackKind
    {
        Invalid,
        Nil,
        Bool,
        Integer,
        Float,
        Text,
        Binary,
        List,
        Map,
        Extension,
    }

    internal static class MessagePackKinds
    {
        private static readonly string[] _names =
            { "an invalid byte", "nil", "a bool", "a whole number", "a float", "a text", "a binary", "a list", "a map", "an extension" };

        private static readonly MessagePackKind[] _byCode = Table();

        public static MessagePackKind Of(byte code) => _byCode[code];

        public static string Name(MessagePackKind kind) => _names[(int)kind];

        private static MessagePackKind[] Table()
        {
            MessagePackKind[] table = new MessagePackKind[256];
            Fill(table, 0x00, 0x7F, MessagePackKind.Integer);
            Fill(table, 0x80, 0x8F, MessagePackKind.Map);
            Fill(table, 0x90, 0x9F, MessagePackKind.List);
            Fill(table, 0xA0, 0xBF, MessagePackKind.Text);
            Fill(table, 0xC0, 0xC0, MessagePackKind.Nil);
            Fill(table, 0xC2, 0xC3, MessagePackKind.Bool);
            Fill(table, 0xC4, 0xC6, MessagePackKind.Binary);
            Fill(table, 0xC7, 0xC9, MessagePackKind.Extension);
            Fill(table, 0xCA, 0xCB, MessagePackKind.Float);
            Fill(table, 0xCC, 0xD3, MessagePackKind.Integer);
            Fill(table, 0xD4, 0xD8, MessagePackKind.Extension);
            Fill(table, 0xD9, 0xDB, MessagePackKind.Text);
            Fill(table, 0xDC, 0xDD, MessagePackKind.List);
            Fill(table, 0xDE, 0xDF, MessagePackKind.Map);
            Fill(table, 0xE0, 0xFF, MessagePackKind.Integer);
            return table;
        }

        private static void Fill(MessagePackKind[] table, int first, int last, MessagePackKind kind)
        {
            for (int code = first; code <= last; code++) table[code] = kind;
        }
    }
}
