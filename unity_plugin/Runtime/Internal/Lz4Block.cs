using System;

namespace Omote
{
    /// <summary>Unpacks one LZ4 block (lz4's doc/lz4_Block_format.md) into exactly as many bytes as are wanted.</summary>
    internal static class Lz4Block
    {
        private const int LeastMatch = 4;

        public static void Decode(byte[] packed, int packedLength, byte[] into, int wanted)
        {
            int read = 0, written = 0;
            while (read < packedLength)
            {
                int token = packed[read++];
                int literals = ReadLength(packed, packedLength, ref read, token >> 4, wanted);
                if (literals > packedLength - read || literals > wanted - written) throw Broken("more literals than there is room for");
                Buffer.BlockCopy(packed, read, into, written, literals);
                read += literals;
                written += literals;
                if (read == packedLength) break; // the last sequence is literals only
                int distance = ReadDistance(packed, packedLength, ref read, written);
                int match = LeastMatch + ReadLength(packed, packedLength, ref read, token & 15, wanted);
                if (match > wanted - written) throw Broken("a match longer than the room that is left");
                Repeat(into, written, distance, match);
                written += match;
            }
            if (written != wanted) throw Broken("it gives " + written + " bytes, wanted " + wanted);
        }

        private static int ReadLength(byte[] packed, int end, ref int read, int length, int most)
        {
            if (length < 15) return length;
            byte more;
            do
            {
                if (read >= end) throw Broken("it ends within a length");
                more = packed[read++];
                length += more;
                if (length > most) throw Broken("a length of more than " + most);
            }
            while (more == 255);
            return length;
        }

        private static int ReadDistance(byte[] packed, int end, ref int read, int written)
        {
            if (end - read < 2) throw Broken("it ends within a distance");
            int distance = packed[read] | packed[read + 1] << 8;
            read += 2;
            if (distance == 0 || distance > written) throw Broken("a match " + distance + " bytes back, of " + written);
            return distance;
        }

        private static void Repeat(byte[] into, int at, int distance, int count)
        {
            if (distance >= count) Buffer.BlockCopy(into, at - distance, into, at, count);
            else for (int i = 0; i < count; i++) into[at + i] = into[at + i - distance]; // the match overlaps what it writes
        }

        private static WireException Broken(string what) => new WireException("the lz4 block of the alpha is broken: " + what);
    }
}
