using System;
using Unity.Collections;

namespace UnityEngine
{
    public enum TextureFormat
    {
        RGB24 = 3,
        RGBA32 = 4,
        ARGB32 = 5,
        BGRA32 = 14,
    }

    public enum TextureWrapMode
    {
        Repeat,
        Clamp,
    }

    public class Texture : Object
    {
        public virtual int width { get; set; }
        public virtual int height { get; set; }
        public TextureWrapMode wrapMode { get; set; }
    }

    public sealed class Texture2D : Texture
    {
        private byte[] _memory;

        // Not in Unity: what the GPU has, how often it was sent there, and how many textures live.
        internal static int Alive;
        internal byte[] Uploaded = new byte[0];
        internal int Uploads;
        internal readonly bool IsLinear;

        public Texture2D(int width, int height, TextureFormat textureFormat, bool mipChain, bool linear)
        {
            IsLinear = linear;
            Alive++;
            Become(width, height, textureFormat);
        }

        public TextureFormat format { get; private set; }

        public NativeArray<T> GetRawTextureData<T>() where T : struct
        {
            return new NativeArray<T>((T[])(object)_memory);
        }

        public void Apply(bool updateMipmaps, bool makeNoLongerReadable)
        {
            if (makeNoLongerReadable) throw new NotSupportedException("the texture is written again");
            if (Uploaded.Length != _memory.Length) Uploaded = new byte[_memory.Length];
            Array.Copy(_memory, Uploaded, _memory.Length);
            Uploads++;
        }

        internal override void OnDestroyed() { Alive--; }

        internal void Become(int newWidth, int newHeight, TextureFormat newFormat)
        {
            width = newWidth;
            height = newHeight;
            format = newFormat;
            _memory = new byte[newWidth * newHeight * (newFormat == TextureFormat.RGB24 ? 3 : 4)];
        }

        internal void Fill(byte[] bytes) { Array.Copy(bytes, _memory, _memory.Length); }
    }

    public class RenderTexture : Texture
    {
        // Not in Unity: what was last drawn onto it.
        internal Texture Drawn;
        internal int Draws;

        public RenderTexture(int width, int height, int depth)
        {
            this.width = width;
            this.height = height;
        }

        public static RenderTexture active { get; set; }
    }

    public static class Graphics
    {
        public static void Blit(Texture source, RenderTexture dest)
        {
            dest.Drawn = source;
            dest.Draws++;
        }
    }

    public static class GL
    {
        public static void Clear(bool clearDepth, bool clearColor, Color backgroundColor)
        {
            RenderTexture.active.Drawn = null;
        }
    }
}
