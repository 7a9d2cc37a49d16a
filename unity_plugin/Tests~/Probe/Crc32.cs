namespace Omote.Probe
{
    /// <summary>The checksum that zlib.crc32 computes.</summary>
    internal static class Crc32
    {
        private static readonly uint[] _table = Table();

        public static uint Of(byte[] bytes, int length)
        {
            uint sum = uint.MaxValue;
            for (int i = 0; i < length; i++) sum = sum >> 8 ^ _table[(sum ^ bytes[i]) & 0xFF];
            return ~sum;
        }

        private static uint[] Table()
        {
            uint[] table = new uint[256];
            for (uint i = 0; i < table.Length; i++)
            {
                uint value = i;
                for (int bit = 0; bit < 8; bit++) value = (value & 1) != 0 ? value >> 1 ^ 0xEDB88320u : value >> 1;
                table[i] = value;
            }
            return table;
        }
    }
}
