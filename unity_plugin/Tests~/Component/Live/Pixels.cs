using System;
using UnityEngine;

namespace Omote.Tests.Live
{
    /// <summary>What a texture shows, in the order in which Python has it.</summary>
    internal static class Pixels
    {
        private const uint Polynomial = 0xEDB88320;

        public static byte[] TopFirstRgba(Texture2D texture)
        {
            int row = texture.width * 4;
            var rgba = new byte[texture.Uploaded.Length];
            for (int y = 0; y < texture.height; y++)
            {
                Array.Copy(texture.Uploaded, y * row, rgba, (texture.height - 1 - y) * row, row);
            }
            if (texture.format == TextureFormat.BGRA32) SwapRedAndBlue(rgba);
            return rgba;
        }

        public static uint Crc32(byte[] bytes)
        {
            uint crc = uint.MaxValue;
            foreach (byte each in bytes)
            {
                crc ^= each;
                for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? crc >> 1 ^ Polynomial : crc >> 1;
            }
            return ~crc;
        }

        private static void SwapRedAndBlue(byte[] pixels)
        {
            for (int i = 0; i < pixels.Length; i += 4)
            {
                byte red = pixels[i + 2];
                pixels[i + 2] = pixels[i];
                pixels[i] = red;
            }
        }
    }
}
