using System;
using System.Collections.Generic;
using System.Linq;
using NUnit.Framework;

namespace Omote.Tests
{
    public class WireDecoderTests
    {
        [Test]
        public void PicturesBufferChangesHandsInsteadOfBeingCopied()
        {
            Message message = Messages.Of(Messages.Video(4, 4, 1));
            byte[] buffer = message[2].Bytes;
            VideoFrame frame = new VideoFrame();
            Read(message, frame);
            Assert.AreSame(buffer, frame.Data);
            Assert.AreNotSame(buffer, message[2].Bytes);
        }

        [Test]
        public void PartsAfterThoseThatAreKnownAreIgnored()
        {
            byte[][] parts = Messages.Video(2, 2, 1).Concat(new[] { new byte[3], new byte[5] }).ToArray();
            Assert.DoesNotThrow(() => Decoding.All(Messages.Of(parts)));
        }

        [Test]
        public void NumberOfPartsIsKept()
        {
            byte[][] parts = Messages.Video(2, 2, 1);
            Assert.Throws<WireException>(() => Decoding.All(Messages.Of(parts.Take(2).ToArray())));
            byte[][] eight = parts.Concat(Enumerable.Repeat(new byte[0], 5)).ToArray();
            Assert.DoesNotThrow(() => Decoding.All(Messages.Of(eight)));
            Assert.Throws<WireException>(() => Decoding.All(Messages.Of(eight.Concat(new[] { new byte[0] }).ToArray())));
        }

        [Test]
        public void HeaderAndTopicThatAreTooLargeAreRefusedByTheirLength()
        {
            byte[][] parts = Messages.Video(2, 2, 1);
            Assert.Throws<WireException>(() => Decoding.All(Messages.Of(parts[0], new byte[4097], parts[2])));
            Assert.Throws<WireException>(() => Decoding.All(Messages.Of(new byte[4097], parts[1], parts[2])));
        }

        [Test]
        public void BytesAfterTheHeaderAreRefused()
        {
            byte[][] parts = Messages.Video(2, 2, 1);
            Assert.Throws<WireException>(() => Decoding.All(Messages.Of(parts[0], parts[1].Concat(new byte[] { 0 }).ToArray(), parts[2])));
        }

        [Test]
        public void EveryKeyOfAHeaderIsMissedByName()
        {
            foreach (string key in Messages.VideoHeader(2, 2).Keys)
            {
                Dictionary<string, object> header = Messages.VideoHeader(2, 2);
                header.Remove(key);
                Assert.That(Refusal(header), Is.StringContaining("'" + key + "'"), key);
            }
        }

        [Test]
        public void EveryNumberOfAHeaderMustBeWholeAndNotNegative()
        {
            foreach (string key in new[] { "v", "session", "seq", "index", "captured", "generated", "sent", "wall", "w", "h", "stride" })
                foreach (object wrong in new object[] { -1, 1.5, true, "1", null })
                {
                    Dictionary<string, object> header = Messages.VideoHeader(2, 2);
                    header[key] = wrong;
                    Assert.That(Refusal(header), Is.StringContaining("'" + key + "'"), key + " " + wrong);
                }
        }

        [Test]
        public void SidesAndStrideAreKeptWithinTheirBounds()
        {
            Assert.That(Refusal(With("w", 0)), Is.StringContaining("sides"));
            Assert.That(Refusal(With("h", 8193)), Is.StringContaining("8192"));
            Assert.That(Refusal(With("stride", ulong.MaxValue)), Is.StringContaining("stride"));
            Assert.That(Refusal(With("stride", 7)), Is.StringContaining("stride"));
        }

        [Test]
        public void NewestKeyWinsWhereOneComesTwice()
        {
            byte[] header = Messages.Packed(Messages.VideoHeader(2, 2));
            byte[] twice = new byte[] { 0xDE, 0, 16 }.Concat(header.Skip(1)).Concat(new byte[] { 0xA1, (byte)'w', 9 }).ToArray();
            Assert.AreEqual(0x8F, header[0], "fifteen entries");
            WireException error = Assert.Throws<WireException>(() => Decoding.All(Messages.Of(Messages.Ascii("v/omote"), twice, new byte[16])));
            Assert.That(error.Message, Is.StringContaining("9 pixels"));
        }

        [Test]
        public void ParamsThatAreNotFiniteAreRefused()
        {
            foreach (float wrong in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
                Assert.Throws<WireException>(() => Decoding.All(Messages.Of(Messages.Params(wrong))));
            Assert.That(Assert.Throws<WireException>(() => Decoding.All(Messages.Of(Messages.Params(1.5f)))).Message, Is.StringContaining("confidence"));
        }

        [Test]
        public void ParamsMayEndAfterThoseOfTheFirstVersion()
        {
            ParamsFrame face = new ParamsFrame();
            foreach (int floats in new[] { 131, 132, 182, 183, 200 })
            {
                WireDecoder decoder = new WireDecoder();
                Message message = Messages.Of(Messages.Params(0.5f, 0, floats));
                decoder.ReadHeader(message);
                decoder.ReadParams(message, face);
                Assert.AreEqual(floats >= 183, face.HasShownWeights, floats + " floats");
                Assert.AreEqual(0.5f, face.ShownWeights[51]);
            }
            Assert.Throws<WireException>(() => Decoding.All(Messages.Of(Messages.Params(0.5f, 0, 130))));
        }

        [Test]
        public void LengthOfParamsIsInFours()
        {
            byte[][] parts = Messages.Params(0.5f);
            Assert.Throws<WireException>(() => Decoding.All(Messages.Of(parts[0], parts[1], parts[2].Concat(new byte[1]).ToArray())));
        }

        private static Dictionary<string, object> With(string key, object value)
        {
            Dictionary<string, object> header = Messages.VideoHeader(2, 2);
            header[key] = value;
            return header;
        }

        private static string Refusal(Dictionary<string, object> header) => Assert.Throws<WireException>(
            () => Decoding.All(Messages.Of(Messages.Ascii("v/omote"), Messages.Packed(header), new byte[16]))).Message;

        private static void Read(Message message, VideoFrame frame)
        {
            WireDecoder decoder = new WireDecoder();
            decoder.ReadHeader(message);
            decoder.ReadVideo(message, frame);
        }
    }
}
