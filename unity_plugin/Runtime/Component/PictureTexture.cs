using System;
using Unity.Collections;
using UnityEngine;

namespace Omote
{
    /// <summary>One texture that shows the newest picture, upright whichever row of it came first.</summary>
    /// <remarks>Main thread only. Nothing is allocated but when the size or the format changes.</remarks>
    internal sealed class PictureTexture : IDisposable
    {
        /// <summary>Null before the first picture; another one after a change of size or format.</summary>
        public Texture2D Texture { get; private set; }

        /// <summary>Shows this picture, whose pixels are there.</summary>
        public void Write(VideoFrame frame)
        {
            Fit(frame.Width, frame.Height, frame.Format == PictureFormat.Bgra8 ? TextureFormat.BGRA32 : TextureFormat.RGBA32);
            CopyRows(frame.Pixels, frame.Origin == PictureOrigin.Top);
            Texture.Apply(false, false);
        }

        public void Dispose()
        {
            Release(Texture);
            Texture = null;
        }

        /// <summary>Destroys a texture of ours, in a player or an editor that does not play.</summary>
        internal static void Release(Texture2D texture)
        {
            if (texture == null) return;
            if (Application.isPlaying) UnityEngine.Object.Destroy(texture);
            else UnityEngine.Object.DestroyImmediate(texture);
        }

        private void Fit(int width, int height, TextureFormat format)
        {
            if (Texture != null && Texture.width == width && Texture.height == height && Texture.format == format) return;
            Release(Texture);
            // The bytes are sRGB: a linear project has to decode them when it samples, a gamma project takes them as they are.
            Texture = new Texture2D(width, height, format, false, false)
            {
                name = "Omote portrait",
                wrapMode = TextureWrapMode.Clamp,
                hideFlags = HideFlags.HideAndDontSave,
            };
        }

        private void CopyRows(byte[] pixels, bool isTopFirst)
        {
            NativeArray<byte> memory = Texture.GetRawTextureData<byte>();
            int rows = Texture.height, row = Texture.width * 4;
            if (!isTopFirst)
            {
                NativeArray<byte>.Copy(pixels, 0, memory, 0, rows * row);
                return;
            }
            // Unity's first row is the lowest.
            for (int y = 0; y < rows; y++) NativeArray<byte>.Copy(pixels, y * row, memory, (rows - 1 - y) * row, row);
        }
    }
}
