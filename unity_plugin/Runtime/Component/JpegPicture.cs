using System;
using Unity.Collections;
using UnityEngine;

namespace Omote
{
    /// <summary>Decodes JPEG pictures by Unity's own decoder, and joins them with their alpha.</summary>
    /// <remarks>
    /// Main thread only: that is where Unity decodes. Buffers are used again; Unity itself may allocate while it decodes.
    /// </remarks>
    internal sealed class JpegPicture : IDisposable
    {
        private Texture2D _decoded;
        private byte[] _colours = new byte[0];
        private byte[] _pixels = new byte[0];

        /// <summary>The RGBA pixels, last row of the JPEG first as Unity has it; null where it could not be read.</summary>
        public byte[] Decode(VideoFrame frame)
        {
            if (_decoded == null) _decoded = NewTexture();
            // Bytes of an older, longer JPEG may follow this one in the buffer: decoders stop at its end.
            if (!_decoded.LoadImage(frame.Data, false)) return null;
            if (_decoded.width != frame.Width || _decoded.height != frame.Height) return null;
            int step = Step(_decoded.format);
            if (step == 0) return null;
            int count = frame.Width * frame.Height;
            Grow(ref _colours, count * step);
            Grow(ref _pixels, count * 4);
            NativeArray<byte>.Copy(_decoded.GetRawTextureData<byte>(), 0, _colours, 0, count * step);
            CopyColours(count, step, _decoded.format == TextureFormat.ARGB32 ? 1 : 0);
            CopyAlpha(frame);
            return _pixels;
        }

        public void Dispose()
        {
            PictureTexture.Release(_decoded);
            _decoded = null;
        }

        private static Texture2D NewTexture()
        {
            return new Texture2D(2, 2, TextureFormat.RGB24, false, false) { hideFlags = HideFlags.HideAndDontSave };
        }

        // Bytes from pixel to pixel. Unity gives RGB24 for a JPEG; the others cost nothing to know.
        private static int Step(TextureFormat format)
        {
            if (format == TextureFormat.RGB24) return 3;
            return format == TextureFormat.RGBA32 || format == TextureFormat.ARGB32 ? 4 : 0;
        }

        private static void Grow(ref byte[] buffer, int length)
        {
            if (buffer.Length < length) buffer = new byte[length];
        }

        private void CopyColours(int count, int step, int first)
        {
            byte[] from = _colours, to = _pixels;
            for (int i = 0, source = first, target = 0; i < count; i++, source += step, target += 4)
            {
                to[target] = from[source];
                to[target + 1] = from[source + 1];
                to[target + 2] = from[source + 2];
                to[target + 3] = byte.MaxValue;
            }
        }

        private void CopyAlpha(VideoFrame frame)
        {
            if (frame.Format != PictureFormat.JpegLz4Alpha) return;
            int width = frame.Width;
            for (int y = 0; y < frame.Height; y++)
            {
                int source = y * width, target = (frame.Height - 1 - y) * width * 4 + 3;
                for (int x = 0; x < width; x++) _pixels[target + x * 4] = frame.AlphaPlane[source + x];
            }
        }
    }
}
