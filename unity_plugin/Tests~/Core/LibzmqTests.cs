using System;
using NUnit.Framework;

namespace Omote.Tests
{
    /// <summary>The same life by the native library, where it is installed.</summary>
    public class LibzmqTests
    {
        private const string Nobody = "tcp://127.0.0.1:9";

        [SetUp]
        public void SetUp()
        {
            if (!LibzmqSocket.IsAvailable) Assert.Ignore("libzmq is not installed here");
        }

        [Test]
        public void PictureArrivesAndSoDoesTheNextAfterTheSenderVanished()
        {
            using (Receiver receiver = new Receiver())
            {
                int port;
                using (Peer peer = new Peer("PUB"))
                {
                    port = peer.Port;
                    receiver.Start(Settings(peer.Endpoint));
                    Greet(peer, receiver, 1);
                }
                Wait.Until(() => !receiver.GetStatistics().IsConnected);
                using (Peer peer = new Peer("PUB", port)) Greet(peer, receiver, 2);
            }
        }

        [Test]
        public void FiftyStartsAndStopsLeaveNothingBehind()
        {
            using (Receiver receiver = new Receiver())
                for (int i = 0; i < 50; i++)
                    using (Peer peer = new Peer("PUB"))
                    {
                        receiver.Start(Settings(peer.Endpoint));
                        if (i % 2 == 0) Greet(peer, receiver, (byte)i);
                        Stop(receiver);
                    }
        }

        [Test]
        public void StopDoesNotWaitForAnybody()
        {
            Receiver receiver = new Receiver();
            receiver.Start(Settings(Nobody));
            Stop(receiver);
            receiver.Start(Settings("tcp://192.0.2.1:5557")); // an address that never answers
            Stop(receiver);
            using (Peer peer = new Peer("PUB"))
            {
                receiver.Start(Settings(peer.Endpoint));
                peer.AcceptSilently();
                Stop(receiver);
            }
            using (Peer peer = new Peer("PUB"))
            {
                receiver.Start(Settings(peer.Endpoint));
                ReceiverTests.Meet(peer);
                peer.Send(new byte[] { 1, 200, 1, 2, 3 }); // a part that is never finished
                Stop(receiver);
            }
        }

        [Test]
        public void ReceivingAllocatesNothing()
        {
            const int pictures = 600, warmUp = 50;
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = new Receiver())
            {
                receiver.Start(Settings(peer.Endpoint));
                ReceiverTests.Meet(peer);
                byte[] bytes = Peer.Stream(Messages.Video(64, 64, 7));
                int collections = 0;
                for (int i = 0; i < pictures; i++)
                {
                    if (i == warmUp) collections = GC.CollectionCount(0);
                    peer.Send(bytes);
                    ReceiverTests.Taken(receiver);
                }
                Assert.AreEqual(collections, GC.CollectionCount(0));
            }
        }

        [Test]
        public void ControlAsksAndStops()
        {
            using (Peer peer = new Peer("ROUTER"))
            using (ControlClient control = new ControlClient())
            {
                control.Start(new ControlSettings { Endpoint = peer.Endpoint, Transport = Transport.Libzmq });
                peer.Accept();
                string code = null;
                control.Stats(reply => code = reply.ErrorCode);
                Assert.That(peer.ReadMessage().Length, Is.GreaterThan(0));
                control.Stop();
                Assert.AreEqual("closed", code);
                Assert.That(control.LastError, Is.Not.StringContaining("did not end"));
            }
        }

        private static ReceiverSettings Settings(string endpoint) => new ReceiverSettings { Endpoint = endpoint, Transport = Transport.Libzmq };

        private static void Greet(Peer peer, Receiver receiver, byte value)
        {
            ReceiverTests.Meet(peer);
            peer.SendMessage(Messages.Video(2, 2, value));
            Assert.AreEqual(value, ReceiverTests.Taken(receiver).Data[0]);
        }

        private static void Stop(Receiver receiver)
        {
            receiver.Stop();
            Assert.That(!receiver.IsRunning);
            Assert.That(receiver.GetStatistics().LastError, Is.Not.StringContaining("did not end"));
        }
    }
}
