namespace Omote
{
    /// <summary>Looks at a JPEG without decoding it: its size, its channels, and that decoding it will not take minutes.</summary>
    internal static class JpegHead
    {
        private const byte Start = 0xD8, End = 0xD9, Scan = 0xDA, Baseline = 0xC0;

        /// <summary>Throws WireException where this is no whole baseline JPEG of one scan, 3 channels and this size.</summary>
        public static void Check(byte[] bytes, int length, int width, int height)
        {
            int frame = FindFrame(bytes, length);
            int foundHeight = bytes[frame + 3] << 8 | bytes[frame + 4];
            int foundWidth = bytes[frame + 5] << 8 | bytes[frame + 6];
            if (foundWidth != width || foundHeight != height)
                throw new WireException("the jpeg is " + foundWidth + "x" + foundHeight + ", its header says " + width + "x" + height);
            if (bytes[frame + 7] != 3) throw new WireException("the jpeg must have 3 channels, got " + bytes[frame + 7]);
            CheckScans(bytes, length);
        }

        // Where the frame header's length field stands (ITU-T T.81, B.1.1.4 and B.2.2).
        private static int FindFrame(byte[] bytes, int length)
        {
            if (length < 2 || bytes[0] != 0xFF || bytes[1] != Start) throw new WireException("the payload is no jpeg: it does not begin as one");
            int at = 2;
            while (length - at >= 4)
            {
                if (bytes[at] != 0xFF) throw new WireException("the jpeg is broken: wanted a marker, got " + bytes[at]);
                byte marker = bytes[at + 1];
                if (marker == 0xFF) at++; // a marker may be preceded by any number of these
                else if (!IsFrame(marker)) at = Next(bytes, at, marker);
                else if (marker != Baseline) throw new WireException("the jpeg must be baseline, got frame type " + (marker - Baseline));
                else if (length - at >= 10) return at + 2;
                else break;
            }
            throw new WireException("the jpeg ends before its frame header");
        }

        private static bool IsFrame(byte marker) =>
            marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;

        private static int Next(byte[] bytes, int at, byte marker)
        {
            if (marker == Scan || marker == End) throw new WireException("the jpeg has no frame header");
            int segment = bytes[at + 2] << 8 | bytes[at + 3];
            if (segment < 2) throw new WireException("the jpeg is broken: a segment of " + segment + " bytes");
            return at + 2 + segment;
        }

        // In a JPEG's own data FF is always followed by something else than these.
        private static void CheckScans(byte[] bytes, int length)
        {
            int scans = 0;
            bool isWhole = false;
            for (int i = 0; i + 1 < length; i++)
            {
                if (bytes[i] != 0xFF) continue;
                if (bytes[i + 1] == Scan) scans++;
                isWhole |= scans > 0 && bytes[i + 1] == End;
            }
            if (scans != 1) throw new WireException("the jpeg must have one scan, got " + scans);
            if (!isWhole) throw new WireException("the jpeg is cut off: it has no end");
        }
    }
}
