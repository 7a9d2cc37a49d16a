using System;
using NUnit.Framework;
using UnityEngine;

namespace Omote.Tests
{
    [TestFixture]
    public class PictureTextureTests
    {
        private PictureTexture _picture;

        [SetUp]
        public void SetUp()
        {
            Application.isPlaying = true;
            Texture2D.Alive = 0;
            _picture = new PictureTexture();
        }

        [TearDown]
        public void TearDown()
        {
            _picture.Dispose();
            Assert.AreEqual(0, Texture2D.Alive, "a texture was left behind");
        }

        // Byte i is i: rows 0..3 are the first row. The buffer is longer, as the core's are.
        private static VideoFrame Raw(int width, int height, PictureFormat format, PictureOrigin origin)
        {
            var data = new byte[width * height * 4 + 100];
            for (int i = 0; i < data.Length; i++) data[i] = (byte)i;
            int length = width * height * 4;
            return new VideoFrame { Width = width, Height = height, Format = format, Origin = origin, Data = data, Length = length };
        }

        private static byte[] Bytes(params int[] values) { return Array.ConvertAll(values, each => (byte)each); }

        [Test]
        public void TheTopRowComesToLieOnTop()
        {
            _picture.Write(Raw(1, 3, PictureFormat.Rgba8, PictureOrigin.Top));
            Assert.AreEqual(Bytes(8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3), _picture.Texture.Uploaded);
        }

        [Test]
        public void ABottomRowThatComesFirstStaysFirst()
        {
            _picture.Write(Raw(1, 2, PictureFormat.Rgba8, PictureOrigin.Bottom));
            Assert.AreEqual(Bytes(0, 1, 2, 3, 4, 5, 6, 7), _picture.Texture.Uploaded);
        }

        [Test]
        public void TheBytesAreDeclaredAsSrgb()
        {
            _picture.Write(Raw(2, 2, PictureFormat.Rgba8, PictureOrigin.Top));
            Assert.False(_picture.Texture.IsLinear);
            Assert.AreEqual(TextureFormat.RGBA32, _picture.Texture.format);
            Assert.AreEqual(TextureWrapMode.Clamp, _picture.Texture.wrapMode);
        }

        [Test]
        public void BlueFirstIsLeftToTheTextureFormat()
        {
            _picture.Write(Raw(1, 1, PictureFormat.Bgra8, PictureOrigin.Top));
            Assert.AreEqual(TextureFormat.BGRA32, _picture.Texture.format);
            Assert.AreEqual(Bytes(0, 1, 2, 3), _picture.Texture.Uploaded);
        }

        [Test]
        public void TheSameSizeKeepsTheTextureAndAnotherReplacesIt()
        {
            _picture.Write(Raw(2, 2, PictureFormat.Rgba8, PictureOrigin.Top));
            Texture2D first = _picture.Texture;
            _picture.Write(Raw(2, 2, PictureFormat.Rgba8, PictureOrigin.Bottom));
            Assert.AreSame(first, _picture.Texture);
            Assert.AreEqual(2, first.Uploads);
            _picture.Write(Raw(3, 2, PictureFormat.Rgba8, PictureOrigin.Top));
            Assert.AreNotSame(first, _picture.Texture);
            Assert.AreEqual(3, _picture.Texture.width);
            Assert.AreEqual(1, Texture2D.Alive);
        }

        [Test]
        public void NothingIsAllocatedFromPictureToPicture([Values(PictureOrigin.Top, PictureOrigin.Bottom)] PictureOrigin origin)
        {
            VideoFrame frame = Raw(64, 64, PictureFormat.Rgba8, origin);
            _picture.Write(frame);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 1000; i++) _picture.Write(frame);
            Assert.AreEqual(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        [Test]
        public void ADecodedJpegStandsUpright([Values(PictureOrigin.Top, PictureOrigin.Bottom)] PictureOrigin origin)
        {
            var frame = new VideoFrame
            {
                Width = 1, Height = 2, Format = PictureFormat.JpegLz4Alpha, Origin = origin, Decoded = Bytes(1, 2, 3, 70, 4, 5, 6, 80, 99),
            };
            _picture.Write(frame);
            byte[] wanted = origin == PictureOrigin.Top ? Bytes(4, 5, 6, 80, 1, 2, 3, 70) : Bytes(1, 2, 3, 70, 4, 5, 6, 80);
            Assert.AreEqual(wanted, _picture.Texture.Uploaded);
        }
    }
}
