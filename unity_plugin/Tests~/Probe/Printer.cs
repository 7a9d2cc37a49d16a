using System;
using System.Globalization;

namespace Omote.Probe
{
    /// <summary>Prints a line for each picture: the checksum is of its RGBA pixels, top row first, or of the JPEG.</summary>
    internal sealed class Printer
    {
        private byte[] _rgba = new byte[0];

        public static void Print(ParamsFrame face)
        {
            Console.WriteLine("params " + face.Header.Index + " " + face.Header.Sequence + " " + face.Basis
                + " " + Text(face.Weights[0]) + " " + Text(face.ShownWeights[0]) + " " + Text(face.Confidence));
            Console.Out.Flush();
        }

        public void Print(VideoFrame frame)
        {
            uint sum = frame.IsRaw ? Crc32.Of(Upright(frame), frame.Length) : Crc32.Of(frame.Data, frame.Length);
            Console.WriteLine("frame " + frame.Header.Index + " " + frame.Header.Sequence + " " + frame.Width + " " + frame.Height + " " + sum.ToString("x8"));
            Console.Out.Flush();
        }

        private byte[] Upright(VideoFrame frame)
        {
            if (_rgba.Length < frame.Length) _rgba = new byte[frame.Length];
            int row = 4 * frame.Width;
            for (int y = 0; y < frame.Height; y++)
            {
                int from = frame.Origin == PictureOrigin.Top ? y : frame.Height - 1 - y;
                Buffer.BlockCopy(frame.Data, from * row, _rgba, y * row, row);
            }
            if (frame.Format == PictureFormat.Bgra8) SwapRedAndBlue(frame.Length);
            return _rgba;
        }

        private void SwapRedAndBlue(int length)
        {
            for (int i = 0; i < length; i += 4)
            {
                byte blue = _rgba[i];
                _rgba[i] = _rgba[i + 2];
                _rgba[i + 2] = blue;
            }
        }

        private static string Text(float value) => value.ToString("0.######", CultureInfo.InvariantCulture);
    }
}
