using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using NUnit.Framework;

namespace Omote.Tests
{
    /// <summary>Whatever comes, a reader throws its own error and nothing else. Seeded: a failure comes again.</summary>
    public class FuzzTests
    {
        private const int Inputs = 10000;
        private const int Seed = 20261122;

        [Test]
        public void MessagesOfAnyKindAreReadOrRefused()
        {
            byte[][][] seeds = Golden.Names("wire_").Select(Golden.Parts).ToArray();
            Random random = new Random(Seed);
            int refused = Count(2 * Inputs, i => Decoding.All(Messages.Of(Mutated(seeds[i % seeds.Length], random))));
            Assert.That(refused, Is.InRange(Inputs / 2, 2 * Inputs - Inputs / 20), "both must happen, or it tests nothing");
        }

        [Test]
        public void RepliesOfAnyKindAreReadOrRefused()
        {
            byte[][][] seeds = Golden.Names("control_reply_").Select(Golden.Parts).ToArray();
            Random random = new Random(Seed);
            Count(Inputs, i => ControlMessage.DecodeReply(Messages.Into(Message.ForControl(), Mutated(seeds[i % seeds.Length], random))));
        }

        [Test]
        public void MsgpackOfAnyKindIsReadOrRefused()
        {
            Random random = new Random(Seed);
            Count(Inputs, i =>
            {
                byte[] bytes = new byte[random.Next(1, 64)];
                random.NextBytes(bytes);
                bytes[0] = (byte)(0x80 | random.Next(8));
                MessagePackReader reader = new MessagePackReader();
                reader.Reset(bytes, bytes.Length);
                MessagePackTree.ReadMap(reader);
            });
        }

        [Test]
        public void Lz4BlocksOfAnyKindAreUnpackedOrRefused()
        {
            byte[] golden = Golden.Parts("wire_video_jpeg_lz4a")[3];
            Random random = new Random(Seed);
            Count(Inputs, i =>
            {
                byte[] packed = i % 2 == 0 ? Mutated(golden, random) : Noise(random, 200);
                int wanted = random.Next(1, 600);
                Lz4Block.Decode(packed, packed.Length, new byte[wanted], wanted);
            });
        }

        [Test]
        public void AnnouncementsOfAnyKindAreReadOrRefused()
        {
            byte[] golden = Golden.Parts("wire_hello")[2];
            Random random = new Random(Seed);
            Count(Inputs, i =>
            {
                byte[] announcement = Mutated(golden, random);
                Discovery.Decode(announcement, announcement.Length);
            });
        }

        [Test]
        public void JpegsOfAnyKindAreMeasuredOrRefused()
        {
            byte[] golden = Golden.Parts("wire_video_jpeg")[2];
            Random random = new Random(Seed);
            Count(Inputs, i =>
            {
                byte[] jpeg = Mutated(golden, random);
                JpegHead.Check(jpeg, jpeg.Length, 16, 8);
            });
        }

        [Test]
        public void JpegsOfAnyKindAreDecodedOrRefused()
        {
            byte[] golden = Golden.Parts("wire_video_jpeg")[2];
            Random random = new Random(Seed);
            JpegDecoder decoder = new JpegDecoder();
            byte[] into = new byte[4 * 16 * 8];
            Count(Inputs, i =>
            {
                byte[] jpeg = Mutated(golden, random);
                decoder.Decode(jpeg, jpeg.Length, 16, 8, into);
            });
        }

        [Test]
        public void StreamsOfAnyKindAreReadOrRefused()
        {
            byte[] seed = Golden.Names("wire_").Take(6).SelectMany(name => Peer.Stream(Golden.Parts(name))).ToArray();
            Random random = new Random(Seed);
            Message message = Message.ForFrames();
            for (int i = 0; i < Inputs; i++) ReadToEnd(Mutated(seed, random), message);
        }

        [Test]
        public void HandshakesOfAnyKindAreReadOrRefused()
        {
            Random random = new Random(Seed);
            byte[] ready = ZmtpHandshake.Ready(SocketRole.Subscriber);
            byte[] greeting = ZmtpHandshake.Greeting();
            for (int i = 0; i < Inputs; i++)
            {
                byte[] said = Mutated(ready, random);
                try
                {
                    ZmtpHandshake.CheckGreeting(Mutated(greeting, random).Concat(new byte[64]).Take(64).ToArray());
                    ZmtpHandshake.CheckReady(said, said.Length, SocketRole.Dealer);
                }
                catch (LinkException)
                {
                    // refused, as it may be
                }
            }
        }

        [Test]
        public void KeyFilesOfAnyKindAreReadOrRefused()
        {
            Random random = new Random(Seed);
            for (int i = 0; i < Inputs; i++)
            {
                string text = new string(Enumerable.Range(0, random.Next(60)).Select(n => "\n\"=# abcserver"[random.Next(14)]).ToArray());
                Assert.Throws<OmoteException>(() => KeyFile.Parse(text));
            }
        }

        private static int Count(int inputs, Action<int> read)
        {
            int refused = 0;
            for (int i = 0; i < inputs; i++)
            {
                try
                {
                    read(i);
                }
                catch (WireException)
                {
                    refused++;
                }
            }
            Assert.That(refused, Is.GreaterThan(inputs / 4));
            return refused;
        }

        private static void ReadToEnd(byte[] stream, Message message)
        {
            MemoryStream bytes = new MemoryStream(stream);
            ZmtpFrames frames = new ZmtpFrames((into, offset, count) =>
            {
                int read = bytes.Read(into, offset, Math.Min(count, 97));
                if (read == 0) throw new LinkException("the end");
                return read;
            }, (command, length) => { }, 1 << 20, new ZmtpBuffers());
            try
            {
                while (true) frames.Read(message);
            }
            catch (LinkException)
            {
                // it ended, or was refused
            }
        }

        // One part changed: bytes flipped, cut off, doubled or removed.
        private static byte[][] Mutated(byte[][] parts, Random random)
        {
            List<byte[]> mutated = parts.ToList();
            int at = random.Next(mutated.Count);
            if (random.Next(20) == 0) mutated.RemoveAt(at);
            else mutated[at] = Mutated(mutated[at], random);
            return mutated.ToArray();
        }

        private static byte[] Mutated(byte[] bytes, Random random)
        {
            byte[] mutated = (byte[])bytes.Clone();
            for (int i = random.Next(4); i > 0 && mutated.Length > 0; i--) mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0) return mutated.Take(random.Next(mutated.Length + 1)).ToArray();
            if (random.Next(8) == 0) return mutated.Concat(Noise(random, 20)).ToArray();
            return mutated;
        }

        private static byte[] Noise(Random random, int most)
        {
            byte[] bytes = new byte[random.Next(most)];
            random.NextBytes(bytes);
            return bytes;
        }
    }
}
