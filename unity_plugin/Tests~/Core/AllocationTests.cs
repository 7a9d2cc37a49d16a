using System;
using NUnit.Framework;

namespace Omote.Tests
{
    /// <summary>After the first pictures nothing more is allocated, so that the collector never stops a game because of us.</summary>
    public class AllocationTests
    {
        private const int WarmUp = 50;
        private const int Counted = 20000; // at one small object each the collector would have run, and it has not

        [Test]
        public void ReadingPicturesAndFacesAllocatesNothing()
        {
            WireDecoder decoder = new WireDecoder();
            Message message = Message.ForFrames();
            Latest<VideoFrame> video = new Latest<VideoFrame>(new object());
            ParamsFrame face = new ParamsFrame();
            byte[][] picture = Messages.Video(64, 64, 7);
            byte[][] numbers = Golden.Parts("wire_params_recognised");
            AssertNoCollections(() =>
            {
                Refill(message, picture);
                decoder.ReadHeader(message);
                decoder.ReadVideo(message, video.Back);
                video.Put();
                video.TryTake(out VideoFrame frame);
                Refill(message, numbers);
                decoder.ReadHeader(message);
                decoder.ReadParams(message, face);
            });
        }

        [Test]
        public void ReadingFramesOfZmtpAllocatesNothing()
        {
            byte[] stream = Peer.Stream(Messages.Video(64, 64, 7));
            int at = 0;
            ZmtpFrames frames = new ZmtpFrames((bytes, offset, count) =>
            {
                int read = Math.Min(count, stream.Length - at);
                Buffer.BlockCopy(stream, at, bytes, offset, read);
                at = (at + read) % stream.Length;
                return read;
            }, (command, length) => { }, Message.MaxPartBytes, new ZmtpBuffers());
            Message message = Message.ForFrames();
            AssertNoCollections(() => frames.Read(message));
        }

        [Test]
        public void CountingAllocatesNothing()
        {
            Reception reception = new Reception(true, Kinds.Video);
            VideoFrame frame = new VideoFrame { Width = 2, Height = 2 };
            Description<Hello> hello = new Description<Hello>(DescriptionDecoder.DecodeHello);
            Message message = Messages.Of(Messages.Hello());
            ulong sequence = 0;
            AssertNoCollections(() =>
            {
                reception.Describe(frame);
                reception.Add(Kinds.Video, 0, new Header { Session = 1, Sequence = sequence++ }, Clock.NowNs(), null);
                hello.Read(message[2]);
                reception.Read(Clock.NowNs(), true, true, "");
            });
        }

        [Test]
        public void ReceivingOverASocketAllocatesNothing()
        {
            const int pictures = 600;
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = ReceiverTests.Started(peer, Kinds.Video))
            {
                byte[] bytes = Peer.Stream(Messages.Video(64, 64, 7));
                int collections = 0;
                for (int i = 0; i < pictures; i++)
                {
                    if (i == WarmUp) collections = GC.CollectionCount(0);
                    peer.Send(bytes);
                    Assert.That(receiver.Wait(60000));
                    receiver.TryTake(out VideoFrame frame);
                    receiver.GetStatistics();
                }
                Assert.AreEqual(collections, GC.CollectionCount(0));
                Assert.AreEqual(pictures, receiver.GetStatistics().Received);
            }
        }

        private static void AssertNoCollections(Action turn)
        {
            for (int i = 0; i < WarmUp; i++) turn();
            int collections = GC.CollectionCount(0);
            for (int i = 0; i < Counted; i++) turn();
            Assert.AreEqual(collections, GC.CollectionCount(0));
        }

        private static void Refill(Message message, byte[][] parts)
        {
            message.Clear();
            for (int i = 0; i < parts.Length; i++) Buffer.BlockCopy(parts[i], 0, message.Add(parts[i].Length), 0, parts[i].Length);
        }
    }
}
