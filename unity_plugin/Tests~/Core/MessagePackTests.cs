using System.Collections.Generic;
using System.Linq;
using NUnit.Framework;

namespace Omote.Tests
{
    public class MessagePackTests
    {
        [Test]
        public void EveryIntegerTypeIsRead()
        {
            Assert.AreEqual(127, Integer(0x7F));
            Assert.AreEqual(-1, Integer(0xFF));
            Assert.AreEqual(-32, Integer(0xE0));
            Assert.AreEqual(200, Integer(0xCC, 200));
            Assert.AreEqual(0x1234, Integer(0xCD, 0x12, 0x34));
            Assert.AreEqual(0xFFFFFFFFL, Integer(0xCE, 0xFF, 0xFF, 0xFF, 0xFF));
            Assert.AreEqual(-128, Integer(0xD0, 0x80));
            Assert.AreEqual(-2, Integer(0xD1, 0xFF, 0xFE));
            Assert.AreEqual(-3, Integer(0xD2, 0xFF, 0xFF, 0xFF, 0xFD));
            Assert.AreEqual(-4, Integer(0xD3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFC));
        }

        [Test]
        public void LargestUnsignedIntegerKeepsAllItsBits()
        {
            MessagePackReader reader = Reader(0xCF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF);
            Assert.AreEqual(ulong.MaxValue, (ulong)reader.ReadInteger(out bool isBeyondLong));
            Assert.That(isBeyondLong);
        }

        [Test]
        public void BothKindsOfFloatAreRead()
        {
            Assert.AreEqual(1.5, Reader(0xCA, 0x3F, 0xC0, 0, 0).ReadFloat());
            Assert.AreEqual(-2.5, Reader(0xCB, 0xC0, 0x04, 0, 0, 0, 0, 0, 0).ReadFloat());
        }

        [Test]
        public void WhatIsWrittenIsRead()
        {
            Dictionary<string, object> tree = new Dictionary<string, object>
            {
                { "nothing", null }, { "yes", true }, { "small", 5 }, { "negative", -5 }, { "long", -5000000000L }, { "huge", ulong.MaxValue },
                { "half", 0.5 }, { "quarter", 0.25f }, { "text", "ümlaut" }, { "list", new[] { 1, 2, 300, 70000 } },
                { "long text", new string('x', 255) }, { "longest text", new string('x', 256) },
                { "map", new Dictionary<string, float> { { "jawOpen", 0.5f } } },
            };
            Dictionary<string, object> found = Tree(Messages.Packed(tree));
            Assert.AreEqual(tree.Keys.ToArray(), found.Keys.ToArray());
            foreach (string key in new[] { "nothing", "yes", "small", "negative", "long", "huge", "half", "text", "long text", "longest text" })
                Assert.AreEqual(tree[key], found[key], key);
            Assert.AreEqual(0.25, found["quarter"]);
            Assert.AreEqual(new object[] { 1, 2, 300, 70000 }, (List<object>)found["list"]);
            Assert.AreEqual(0.5, ((Dictionary<string, object>)found["map"])["jawOpen"]);
        }

        [Test]
        public void BytesThatEndEarlyAreRefused()
        {
            byte[] whole = Messages.Packed(Messages.VideoHeader(5, 3));
            for (int length = 0; length < whole.Length; length++)
            {
                MessagePackReader reader = new MessagePackReader();
                reader.Reset(whole, length);
                Assert.Throws<WireException>(reader.Skip, "of length " + length);
            }
        }

        [Test]
        public void BoundsAreKeptToTheLast()
        {
            Assert.DoesNotThrow(Reader(Map(64)).Skip);
            Assert.Throws<WireException>(Reader(Map(65)).Skip);
            Assert.DoesNotThrow(Reader(List(256)).Skip);
            Assert.Throws<WireException>(Reader(List(257)).Skip);
            Assert.DoesNotThrow(Reader(Text(256)).Skip);
            Assert.Throws<WireException>(Reader(Text(257)).Skip);
        }

        [Test]
        public void CountsThatPromiseMoreThanThereIsAllocateNothing()
        {
            Assert.Throws<WireException>(Reader(0xDF, 0xFF, 0xFF, 0xFF, 0xFF).Skip);
            Assert.Throws<WireException>(Reader(0xDD, 0xFF, 0xFF, 0xFF, 0xFF).Skip);
            Assert.Throws<WireException>(Reader(0xDB, 0xFF, 0xFF, 0xFF, 0xFF).Skip);
            Assert.Throws<WireException>(Reader(0xC9, 0xFF, 0xFF, 0xFF, 0xFF, 0).Skip);
        }

        [Test]
        public void NestingIsKeptToEight()
        {
            Assert.DoesNotThrow(Reader(Nested(8)).Skip);
            Assert.Throws<WireException>(Reader(Nested(9)).Skip);
        }

        [Test]
        public void TextThatIsNotUtf8IsRefused()
        {
            Assert.Throws<WireException>(() => Reader(0xA2, 0xC3, 0x28).ReadText());
        }

        [Test]
        public void AnotherKindThanIsWantedIsRefusedByName()
        {
            WireException error = Assert.Throws<WireException>(() => Reader(0xCB, 0, 0, 0, 0, 0, 0, 0, 0).ReadInteger(out bool _));
            Assert.That(error.Message, Is.StringContaining("a float"));
            Assert.Throws<WireException>(Reader(0xC1).Skip);
        }

        [Test]
        public void RequestThatIsTooLargeIsRefusedBeforeItIsSent()
        {
            Dictionary<string, object> arguments = new Dictionary<string, object>();
            for (int i = 0; i < 64; i++) arguments["text " + i] = new string('x', 256);
            OmoteException error = Assert.Throws<OmoteException>(() => ControlMessage.EncodeRequest(1, "hello", arguments));
            Assert.That(error.Message, Is.StringContaining("16384"));
        }

        [Test]
        public void ArgumentThatCannotTravelIsRefusedByItsType()
        {
            Dictionary<string, object> arguments = new Dictionary<string, object> { { "when", System.DateTime.MinValue } };
            OmoteException error = Assert.Throws<OmoteException>(() => ControlMessage.EncodeRequest(1, "hello", arguments));
            Assert.That(error.Message, Is.StringContaining("DateTime"));
        }

        private static long Integer(params int[] bytes) => Reader(bytes).ReadInteger(out bool _);

        private static MessagePackReader Reader(params int[] bytes) => Reader(bytes.Select(value => (byte)value).ToArray());

        private static MessagePackReader Reader(byte[] bytes)
        {
            MessagePackReader reader = new MessagePackReader();
            reader.Reset(bytes, bytes.Length);
            return reader;
        }

        private static Dictionary<string, object> Tree(byte[] bytes) => MessagePackTree.ReadMap(Reader(bytes));

        private static byte[] Map(int count) => new byte[] { 0xDE, (byte)(count >> 8), (byte)count }
            .Concat(Enumerable.Range(0, count).SelectMany(i => new byte[] { 0xA1, (byte)'k', 0xC0 })).ToArray();

        private static byte[] List(int count) => new byte[] { 0xDC, (byte)(count >> 8), (byte)count }.Concat(new byte[count]).ToArray();

        private static byte[] Text(int count) => new byte[] { 0xDA, (byte)(count >> 8), (byte)count }
            .Concat(Enumerable.Repeat((byte)'x', count)).ToArray();

        private static byte[] Nested(int depth) => Enumerable.Repeat((byte)0x91, depth - 1).Concat(new byte[] { 0x90 }).ToArray();
    }
}
