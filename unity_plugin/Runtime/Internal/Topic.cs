using System.Text;

namespace Omote
{
    /// <summary>The first part of a message, by which receivers choose.</summary>
    internal static class Topic
    {
        private const int MaxSubject = 64;
        private const int MaxFormat = 64;
        private const string DefaultFormat = "rgba8";

        /// <summary>The topic of a kind: `v/omote`, `v.bgra8/omote`, `p/omote`; OmoteException where a name has odd letters.</summary>
        public static byte[] Of(Kinds kind, string subject, string format = DefaultFormat)
        {
            if (!IsSubject(subject))
                throw new OmoteException("a subject is 1 to 64 of A-Z a-z 0-9 _ . -, got \"" + subject + "\"");
            if (!IsFormat(format))
                throw new OmoteException("a format reads as rgba8, bgra8.premultiplied.bottom or jpeg+lz4a, got \"" + format + "\"");
            return Encoding.ASCII.GetBytes(Letter(kind, format) + "/" + subject);
        }

        /// <summary>Whether these bytes are some topic of this wire, whoever its subject is.</summary>
        public static bool IsTopic(byte[] bytes, int length)
        {
            int slash = 0;
            while (slash < length && bytes[slash] != '/') slash++;
            int subject = length - slash - 1;
            if (!IsKind(bytes, slash) || subject < 1 || subject > MaxSubject) return false;
            for (int i = slash + 1; i < length; i++)
                if (!IsSubjectLetter((char)bytes[i])) return false;
            return true;
        }

        private static string Letter(Kinds kind, string format)
        {
            if (kind == Kinds.Params) return "p";
            if (kind == Kinds.Schema) return "s";
            if (kind == Kinds.Hello) return "h";
            return format == DefaultFormat ? "v" : "v." + format;
        }

        private static bool IsKind(byte[] bytes, int length)
        {
            if (length == 1) return bytes[0] == 'v' || bytes[0] == 'p' || bytes[0] == 's' || bytes[0] == 'h';
            if (length < 3 || length > 2 + MaxFormat || bytes[0] != 'v' || bytes[1] != '.') return false;
            for (int i = 2; i < length; i++)
                if (!IsFormatLetter((char)bytes[i])) return false;
            return true;
        }

        private static bool IsSubject(string name)
        {
            if (string.IsNullOrEmpty(name) || name.Length > MaxSubject) return false;
            foreach (char letter in name)
                if (!IsSubjectLetter(letter)) return false;
            return true;
        }

        private static bool IsFormat(string name)
        {
            if (string.IsNullOrEmpty(name) || name.Length > MaxFormat) return false;
            foreach (char letter in name)
                if (!IsFormatLetter(letter)) return false;
            return true;
        }

        private static bool IsFormatLetter(char letter) =>
            letter >= 'a' && letter <= 'z' || letter >= '0' && letter <= '9' || letter == '+' || letter == '.';

        private static bool IsSubjectLetter(char letter) =>
            letter >= 'a' && letter <= 'z' || letter >= 'A' && letter <= 'Z' || letter >= '0' && letter <= '9'
            || letter == '_' || letter == '.' || letter == '-';
    }
}
