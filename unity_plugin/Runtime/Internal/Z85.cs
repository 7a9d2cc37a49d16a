namespace Omote
{
    /// <summary>ZeroMQ's text form of keys: 5 letters for 4 bytes (rfc.zeromq.org/spec/32).</summary>
    internal static class Z85
    {
        private const string Letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
        private const int Radix = 85;
        private const int LettersPerGroup = 5;
        private const int BytesPerGroup = 4;

        /// <summary>Whether it is so many letters of Z85, each group of five a number of 32 bits.</summary>
        public static bool Is(string text, int length)
        {
            if (text.Length != length || length % LettersPerGroup != 0) return false;
            foreach (char letter in text)
                if (Letters.IndexOf(letter) < 0) return false;
            for (int i = 0; i < length; i += LettersPerGroup)
                if (Group(text, i) > uint.MaxValue) return false;
            return true;
        }

        /// <summary>The bytes of a text that Is Z85.</summary>
        public static byte[] Decode(string text)
        {
            byte[] bytes = new byte[text.Length / LettersPerGroup * BytesPerGroup];
            for (int i = 0; i < bytes.Length; i++)
            {
                ulong group = Group(text, i / BytesPerGroup * LettersPerGroup);
                bytes[i] = (byte)(group >> 8 * (BytesPerGroup - 1 - i % BytesPerGroup));
            }
            return bytes;
        }

        private static ulong Group(string text, int at)
        {
            ulong group = 0;
            for (int i = 0; i < LettersPerGroup; i++) group = group * Radix + (ulong)Letters.IndexOf(text[at + i]);
            return group;
        }
    }
}
