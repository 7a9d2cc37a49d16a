using System.Linq;
using NUnit.Framework;

namespace Omote.Tests
{
    /// <summary>What a receiver makes of what comes.</summary>
    public class ReceiverTests
    {
        [Test]
        public void PictureArrivesWithItsHeader()
        {
            using (Peer peer = new Peer("XPUB"))
            using (Receiver receiver = Started(peer))
            {
                peer.SendMessage(Messages.Video(5, 3, 77, 4));
                VideoFrame frame = Taken(receiver);
                Assert.AreEqual(new object[] { 5, 3, 60, PictureFormat.Rgba8 }, new object[] { frame.Width, frame.Height, frame.Length, frame.Format });
                Assert.That(frame.Data.Take(60).All(value => value == 77));
                Assert.AreEqual(Messages.Session, frame.Header.Session);
                Assert.AreEqual(4, frame.Header.Sequence);
                Assert.AreEqual("5x3 rgba8 straight top", receiver.GetStatistics().FormatText);
                Assert.That(!receiver.TryTake(out frame), "once");
            }
        }

        [Test]
        public void OnlyWhatIsWantedIsSubscribedTo()
        {
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = new Receiver())
            {
                receiver.Start(new ReceiverSettings { Endpoint = peer.Endpoint, Kinds = Kinds.Video | Kinds.AllParams, Format = "jpeg+lz4a", Subject = "mira" });
                peer.Accept();
                Assert.AreEqual(new[] { "v.jpeg+lz4a/mira", "p/mira", "s/mira", "h/mira" }, peer.ReadSubscriptions(4));
            }
        }

        [Test]
        public void FaceAndHelloArriveOnOneConnection()
        {
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = Started(peer, Kinds.AllParams))
            {
                peer.SendMessage(Messages.Hello());
                peer.SendMessage(Messages.Params(0.25f));
                Assert.That(receiver.Wait(60000));
                Assert.That(receiver.TryTake(out ParamsFrame face));
                Assert.AreEqual(0.25f, face.Weights[51]);
                Assert.AreEqual(3, receiver.Hello.ControlPort);
                Assert.AreEqual(ReceiverState.Live, receiver.GetStatistics().State);
            }
        }

        [Test]
        public void SubjectThatOnlyBeginsAsOursIsPassedOver()
        {
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = Started(peer))
            {
                peer.SendMessage(Messages.Video(2, 2, 1, 0, 1, "v/omote-2"));
                peer.SendMessage(Messages.Video(2, 2, 2));
                Assert.AreEqual(2, Taken(receiver).Data[0]);
                Assert.AreEqual(new long[] { 1, 0, 0 }, Counts(receiver));
            }
        }

        [Test]
        public void MessagesThatBreakARuleAreCountedAndSurvived()
        {
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = Started(peer))
            {
                byte[][] good = Messages.Video(2, 2, 9);
                peer.SendMessage(good[0]);
                peer.SendMessage(good[0], new byte[] { 0xC1 }, good[2]);
                peer.SendMessage(good[0], new byte[5000], good[2]);
                peer.SendMessage(good[0], good[1], new byte[3]);
                peer.SendMessage(new byte[300], good[1], good[2]);
                peer.SendMessage(Enumerable.Repeat(good[0], 20).ToArray());
                peer.SendMessage(good);
                Assert.AreEqual(9, Taken(receiver).Data[0]);
                Assert.AreEqual(new long[] { 1, 0, 6 }, Counts(receiver));
                Assert.That(receiver.GetStatistics().LastError, Is.StringContaining("parts"));
            }
        }

        [Test]
        public void HeartbeatIsAnsweredWithItsContext()
        {
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = Started(peer))
            {
                peer.SendFrame(4, new byte[] { 4, (byte)'P', (byte)'I', (byte)'N', (byte)'G', 0, 30, 1, 2, 3 });
                byte[] pong = peer.ReadFrame(out int flags);
                while (ZmtpHandshake.Is(pong, pong.Length, "PING")) pong = peer.ReadFrame(out flags); // it asks, too, who is silent for a second
                Assert.AreEqual(4, flags);
                Assert.AreEqual(new byte[] { 4, (byte)'P', (byte)'O', (byte)'N', (byte)'G', 1, 2, 3 }, pong);
            }
        }

        [Test]
        public void HeartbeatBetweenTwoPartsDisturbsNothing()
        {
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = Started(peer))
            {
                byte[][] parts = Messages.Video(2, 2, 5);
                peer.SendFrame(1, parts[0]);
                peer.SendFrame(4, new byte[] { 4, (byte)'P', (byte)'I', (byte)'N', (byte)'G', 0, 30 });
                peer.SendFrame(1, parts[1]);
                peer.SendFrame(0, parts[2]);
                Assert.AreEqual(5, Taken(receiver).Data[0]);
            }
        }

        [Test]
        public void SlowConsumerGetsTheNewest()
        {
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = Started(peer))
            {
                for (int i = 0; i < 100; i++) peer.SendMessage(Messages.Video(8, 8, (byte)i, (ulong)i));
                Wait.Until(() => receiver.GetStatistics().Received == 100);
                Assert.AreEqual(99, Taken(receiver).Header.Sequence);
                Assert.AreEqual(99, receiver.GetStatistics().Skipped);
                Assert.AreEqual(0, receiver.GetStatistics().Missed);
            }
        }

        [Test]
        public void GapsAndSessionsAreCounted()
        {
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = Started(peer))
            {
                foreach (ulong sequence in new ulong[] { 3, 4, 8 }) peer.SendMessage(Messages.Video(2, 2, 1, sequence));
                peer.SendMessage(Messages.Video(2, 2, 1, 0, 99));
                Wait.Until(() => receiver.GetStatistics().Received == 4);
                Statistics statistics = receiver.GetStatistics();
                Assert.AreEqual(new object[] { 3L, 2, 99UL }, new object[] { statistics.Missed, statistics.Sessions, statistics.Session });
            }
        }

        [Test]
        public void SizeMayChangeFromPictureToPicture()
        {
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = Started(peer))
                foreach (int side in new[] { 2, 64, 3, 300, 1 })
                {
                    peer.SendMessage(Messages.Video(side, side + 1, (byte)side));
                    VideoFrame frame = Taken(receiver);
                    Assert.AreEqual(new[] { side, side + 1, 4 * side * (side + 1) }, new[] { frame.Width, frame.Height, frame.Length });
                    Assert.That(frame.Data.Take(frame.Length).All(value => value == (byte)side));
                }
        }

        internal static void Meet(Peer peer, int topics = 1)
        {
            peer.Accept();
            peer.ReadSubscriptions(topics);
        }

        internal static VideoFrame Taken(Receiver receiver)
        {
            Assert.That(receiver.Wait(60000), "nothing came");
            Assert.That(receiver.TryTake(out VideoFrame frame));
            return frame;
        }

        internal static Receiver Started(Peer peer, Kinds kinds = Kinds.Video)
        {
            Receiver receiver = new Receiver();
            receiver.Start(new ReceiverSettings { Endpoint = peer.Endpoint, Kinds = kinds });
            Meet(peer, kinds == Kinds.AllParams ? 3 : 1);
            return receiver;
        }

        private static long[] Counts(Receiver receiver)
        {
            Statistics statistics = receiver.GetStatistics();
            return new[] { statistics.Received, statistics.Missed, statistics.Rejected };
        }
    }
}
