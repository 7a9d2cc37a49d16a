namespace Omote
{
    /// <summary>What the bytes of a picture are.</summary>
    public enum PictureFormat
    {
        /// <summary>Red, green, blue, alpha, 8 bits each.</summary>
        Rgba8,

        /// <summary>Blue, green, red, alpha, 8 bits each.</summary>
        Bgra8,

        /// <summary>One JPEG, without alpha.</summary>
        Jpeg,

        /// <summary>One JPEG, and the alpha of every pixel in AlphaPlane.</summary>
        JpegLz4Alpha,
    }

    /// <summary>How the colours and the alpha of a picture go together.</summary>
    public enum PictureAlpha
    {
        /// <summary>Colours are not multiplied by alpha.</summary>
        Straight,

        /// <summary>Colours are multiplied by alpha.</summary>
        Premultiplied,

        /// <summary>There is no alpha.</summary>
        Opaque,
    }

    /// <summary>Which row of a picture comes first.</summary>
    public enum PictureOrigin
    {
        /// <summary>The top row.</summary>
        Top,

        /// <summary>The bottom row, as Unity's textures have it.</summary>
        Bottom,
    }

    /// <summary>A picture, sRGB; its buffers are used again, so it holds only until the next one is taken.</summary>
    public sealed class VideoFrame
    {
        /// <summary>Which message this is, and when.</summary>
        public Header Header;

        /// <summary>When the whole message was here, on our clock (Clock.NowNs).</summary>
        public long ArrivedNs;

        /// <summary>Pixels from left to right, 1 to 8192.</summary>
        public int Width;

        /// <summary>Pixels from top to bottom, 1 to 8192.</summary>
        public int Height;

        /// <summary>What the bytes of Data are.</summary>
        public PictureFormat Format;

        /// <summary>How the colours and the alpha go together.</summary>
        public PictureAlpha Alpha;

        /// <summary>Which row comes first, in Data and in AlphaPlane.</summary>
        public PictureOrigin Origin;

        /// <summary>The pixels, rows without gaps, or the JPEG; only the first Length bytes count.</summary>
        public byte[] Data = new byte[0];

        /// <summary>How many bytes of Data count.</summary>
        public int Length;

        /// <summary>Alpha, one byte a pixel, for JpegLz4Alpha only; the first Width * Height bytes count.</summary>
        public byte[] AlphaPlane = new byte[0];

        /// <summary>RGBA or BGRA pixels, rows without gaps: Data, or what was decoded from it; empty where a JPEG was not decoded.</summary>
        public byte[] Pixels => IsRaw ? Data : Decoded;

        /// <summary>The pixels of a JPEG with its alpha, where the receiver decodes them; the first 4 * Width * Height bytes count.</summary>
        internal byte[] Decoded = new byte[0];

        /// <summary>Takes the picture of another frame and gives it the buffers that were here.</summary>
        internal void Exchange(VideoFrame other)
        {
            Header = other.Header;
            ArrivedNs = other.ArrivedNs;
            Width = other.Width;
            Height = other.Height;
            Format = other.Format;
            Alpha = other.Alpha;
            Origin = other.Origin;
            Length = other.Length;
            Exchange(ref Data, ref other.Data);
            Exchange(ref AlphaPlane, ref other.AlphaPlane);
            Exchange(ref Decoded, ref other.Decoded);
        }

        private static void Exchange(ref byte[] ours, ref byte[] theirs)
        {
            byte[] before = ours;
            ours = theirs;
            theirs = before;
        }

        /// <summary>True where Data holds pixels and no JPEG.</summary>
        public bool IsRaw => Format == PictureFormat.Rgba8 || Format == PictureFormat.Bgra8;
    }
}
