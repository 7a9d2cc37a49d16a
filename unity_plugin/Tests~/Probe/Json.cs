using System;
using System.Collections;
using System.Globalization;
using System.Text;

namespace Omote.Probe
{
    /// <summary>Writes what a reply holds as JSON; 64-bit integers as text, as in the golden vectors.</summary>
    internal static class Json
    {
        public static string Write(object value)
        {
            if (value == null) return "null";
            if (value is string) return Quote((string)value);
            if (value is bool) return (bool)value ? "true" : "false";
            if (value is double) return ((double)value).ToString("R", CultureInfo.InvariantCulture);
            if (value is long && Math.Abs((long)value) < 1L << 53) return value.ToString();
            if (value is long || value is ulong) return Quote(value.ToString());
            if (value is IDictionary) return WriteMap((IDictionary)value);
            return WriteList((IEnumerable)value);
        }

        private static string WriteMap(IDictionary map)
        {
            StringBuilder text = new StringBuilder("{");
            foreach (DictionaryEntry entry in map)
                text.Append(text.Length > 1 ? "," : "").Append(Quote((string)entry.Key)).Append(":").Append(Write(entry.Value));
            return text.Append("}").ToString();
        }

        private static string WriteList(IEnumerable list)
        {
            StringBuilder text = new StringBuilder("[");
            foreach (object item in list) text.Append(text.Length > 1 ? "," : "").Append(Write(item));
            return text.Append("]").ToString();
        }

        private static string Quote(string text)
        {
            StringBuilder quoted = new StringBuilder("\"");
            foreach (char letter in text)
            {
                if (letter == '"' || letter == '\\') quoted.Append('\\').Append(letter);
                else if (letter < ' ') quoted.Append("\\u").Append(((int)letter).ToString("x4"));
                else quoted.Append(letter);
            }
            return quoted.Append('"').ToString();
        }
    }
}
