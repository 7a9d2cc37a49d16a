using System.Linq;
using NUnit.Framework;

namespace Omote.Tests
{
    public class Lz4BlockTests
    {
        [Test]
        public void LiteralsAreCopied()
        {
            Assert.AreEqual(new byte[] { 1, 2, 3 }, Decode(3, 0x30, 1, 2, 3));
        }

        [Test]
        public void MatchThatOverlapsItselfRepeats()
        {
            Assert.AreEqual(new byte[] { 7, 7, 7, 7, 7, 7 }, Decode(6, 0x11, 7, 1, 0, 0x00));
        }

        [Test]
        public void LongLengthsGoOverSeveralBytes()
        {
            byte[] found = Decode(1 + 4 + 15 + 255 + 10 + 1, 0x1F, 9, 1, 0, 255, 10, 0x10, 8);
            Assert.AreEqual(Enumerable.Repeat((byte)9, 285).Concat(new byte[] { 8 }).ToArray(), found);
        }

        [Test]
        public void BlockThatGivesTooFewBytesIsRefused()
        {
            Assert.Throws<WireException>(() => Decode(4, 0x30, 1, 2, 3));
        }

        [Test]
        public void BlockThatGivesTooManyBytesIsRefused()
        {
            Assert.Throws<WireException>(() => Decode(2, 0x30, 1, 2, 3));
            Assert.Throws<WireException>(() => Decode(4, 0x1F, 9, 1, 0, 200));
        }

        [Test]
        public void MatchFromBeforeTheBeginningIsRefused()
        {
            Assert.Throws<WireException>(() => Decode(8, 0x10, 1, 2, 0));
            Assert.Throws<WireException>(() => Decode(8, 0x10, 1, 0, 0));
        }

        [Test]
        public void BlockThatEndsEarlyIsRefused()
        {
            Assert.Throws<WireException>(() => Decode(300, 0xF0, 255));
            Assert.Throws<WireException>(() => Decode(300, 0x10, 1, 1));
            Assert.Throws<WireException>(() => Decode(300, 0x30, 1, 2));
            Assert.Throws<WireException>(() => Decode(300));
        }

        [Test]
        public void LengthWithoutEndIsRefusedBeforeItOverflows()
        {
            int[] packed = new[] { 0x1F, 1, 1, 0 }.Concat(Enumerable.Repeat(255, 100000)).ToArray();
            Assert.Throws<WireException>(() => Decode(300, packed));
        }

        private static byte[] Decode(int wanted, params int[] packed)
        {
            byte[] into = new byte[wanted];
            Lz4Block.Decode(packed.Select(value => (byte)value).ToArray(), packed.Length, into, wanted);
            return into;
        }
    }
}
