using System;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using NUnit.Framework;

namespace Omote.Tests
{
    /// <summary>How a receiver starts, loses its sender, finds it again, and stops.</summary>
    public class ReceiverLifeTests
    {
        private const string Nobody = "tcp://127.0.0.1:9";

        [Test]
        public void PublisherThatVanishesAndComesAgainIsFound()
        {
            int port;
            using (Receiver receiver = new Receiver())
            {
                using (Peer peer = new Peer("PUB"))
                {
                    port = peer.Port;
                    receiver.Start(new ReceiverSettings { Endpoint = peer.Endpoint });
                    ReceiverTests.Meet(peer);
                    peer.SendMessage(Messages.Video(2, 2, 1));
                    ReceiverTests.Taken(receiver);
                }
                Wait.Until(() => !receiver.GetStatistics().IsConnected);
                using (Peer peer = new Peer("PUB", port))
                {
                    ReceiverTests.Meet(peer);
                    peer.SendMessage(Messages.Video(2, 2, 2, 0, 5));
                    Assert.AreEqual(2, ReceiverTests.Taken(receiver).Data[0]);
                    Assert.AreEqual(2, receiver.GetStatistics().Sessions);
                }
            }
        }

        [Test]
        public void PublisherThatVanishesWithinAPictureIsFoundAgain()
        {
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = ReceiverTests.Started(peer))
            {
                byte[][] parts = Messages.Video(100, 100, 1);
                peer.SendFrame(1, parts[0]);
                peer.SendFrame(1, parts[1]);
                peer.Send(Peer.Frame(0, parts[2]).Take(1000).ToArray());
                peer.Hang();
                ReceiverTests.Meet(peer);
                peer.SendMessage(Messages.Video(2, 2, 8));
                Assert.AreEqual(8, ReceiverTests.Taken(receiver).Data[0]);
            }
        }

        [Test]
        public void PeerThatFallsSilentIsLeftAndTriedAgain()
        {
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = ReceiverTests.Started(peer))
            {
                peer.AcceptSilently();
                Assert.That(receiver.GetStatistics().LastError, Is.StringContaining("silent"));
            }
        }

        [Test]
        public void PartThatIsTooLargeEndsTheConnectionAndIsNotAllocated()
        {
            using (Peer peer = new Peer("PUB"))
            using (Receiver receiver = ReceiverTests.Started(peer))
            {
                peer.Send(new byte[] { 2, 0, 0, 0, 0, 4, 0, 0, 1 });
                peer.AcceptSilently();
                Assert.That(receiver.GetStatistics().LastError, Is.StringContaining("67108865 bytes"));
            }
        }

        [Test]
        public void SenderThatWantsEncryptionIsNamedWithTheCure()
        {
            Assert.That(ErrorOf(peer => peer.Greet("CURVE")), Is.StringContaining("omote keys new"));
            Assert.That(ErrorOf(peer => peer.Greet("PLAIN")), Is.StringContaining("PLAIN"));
        }

        [Test]
        public void WrongPortIsNamedByWhatAnswersThere()
        {
            Assert.That(ErrorOf(peer => peer.Accept(), "ROUTER"), Is.StringContaining("right port"));
            Assert.That(ErrorOf(peer => Answer(peer, new byte[64])), Is.StringContaining("ZeroMQ"));
        }

        [Test]
        public void FiftyStartsAndStopsLeaveNothingBehind()
        {
            using (Receiver receiver = new Receiver())
                for (int i = 0; i < 50; i++)
                    using (Peer peer = new Peer("PUB"))
                    {
                        receiver.Start(new ReceiverSettings { Endpoint = peer.Endpoint });
                        if (i % 2 == 0) Greet(peer, receiver, (byte)i);
                        receiver.Stop();
                        Assert.That(!receiver.IsRunning);
                        Assert.That(!receiver.TryTake(out VideoFrame frame), "nothing of an earlier run");
                    }
        }

        [Test]
        public void StopIsIdempotentAndStartStopsFirst()
        {
            using (Peer peer = new Peer("PUB"))
            {
                Receiver receiver = new Receiver();
                receiver.Stop();
                Assert.AreEqual(ReceiverState.Disconnected, receiver.GetStatistics().State);
                receiver.Start(new ReceiverSettings { Endpoint = Nobody });
                receiver.Start(new ReceiverSettings { Endpoint = peer.Endpoint });
                ReceiverTests.Meet(peer);
                receiver.Dispose();
                receiver.Dispose();
                receiver.Start(new ReceiverSettings { Endpoint = peer.Endpoint });
                ReceiverTests.Meet(peer);
                receiver.Stop();
                receiver.Stop();
            }
        }

        [Test]
        public void StopDoesNotWaitForAnybody()
        {
            StopsSoon(receiver => receiver.Start(new ReceiverSettings { Endpoint = Nobody }));
            StopsSoon(receiver => receiver.Start(new ReceiverSettings { Endpoint = "tcp://192.0.2.1:5557" })); // an address that never answers
            StopsSoon(receiver => receiver.Start(new ReceiverSettings { Endpoint = "tcp://no-such-host.invalid:5557" }));
            using (Peer peer = new Peer("PUB"))
                StopsSoon(receiver =>
                {
                    receiver.Start(new ReceiverSettings { Endpoint = peer.Endpoint });
                    peer.AcceptSilently();
                });
            using (Peer peer = new Peer("PUB"))
                StopsSoon(receiver =>
                {
                    receiver.Start(new ReceiverSettings { Endpoint = peer.Endpoint });
                    ReceiverTests.Meet(peer);
                    peer.Send(new byte[] { 1, 200, 1, 2, 3 }); // a part that is never finished
                });
        }

        [Test]
        public void SettingsThatCannotWorkAreRefusedAtOnce()
        {
            Receiver receiver = new Receiver();
            Assert.Throws<OmoteException>(() => receiver.Start(new ReceiverSettings { Endpoint = "5557" }));
            Assert.Throws<OmoteException>(() => receiver.Start(new ReceiverSettings { Subject = "a b" }));
            Assert.Throws<OmoteException>(() => receiver.Start(new ReceiverSettings { Format = "JPEG" }));
            Assert.Throws<OmoteException>(() => receiver.Start(new ReceiverSettings { Kinds = 0 }));
            Assert.Throws<OmoteException>(() => receiver.Start(new ReceiverSettings { KeyFile = "no such file" }));
            Assert.Throws<OmoteException>(() => receiver.Start(new ReceiverSettings { Transport = Transport.NetMQ }));
            Assert.That(!receiver.IsRunning);
        }

        [Test]
        public void ListenerThatTakesNoConnectionIsLeftInTime()
        {
            TcpListener full = new TcpListener(IPAddress.Loopback, 0);
            full.Start(0);
            int port = ((IPEndPoint)full.LocalEndpoint).Port;
            StopsSoon(receiver => receiver.Start(new ReceiverSettings { Endpoint = "tcp://127.0.0.1:" + port }));
            full.Stop();
        }

        private static string ErrorOf(Action<Peer> meet, string type = "PUB")
        {
            using (Peer peer = new Peer(type))
            using (Receiver receiver = new Receiver())
            {
                receiver.Start(new ReceiverSettings { Endpoint = peer.Endpoint });
                meet(peer);
                Wait.Until(() => receiver.GetStatistics().LastError.Length > 0);
                return receiver.GetStatistics().LastError;
            }
        }

        private static void Answer(Peer peer, byte[] bytes)
        {
            peer.AcceptSilently();
            peer.Send(bytes);
        }

        private static void StopsSoon(Action<Receiver> start)
        {
            Receiver receiver = new Receiver();
            start(receiver);
            receiver.Stop();
            Assert.That(!receiver.IsRunning);
            Assert.That(receiver.GetStatistics().LastError, Is.Not.StringContaining("did not end"));
        }

        private static void Greet(Peer peer, Receiver receiver, byte value)
        {
            ReceiverTests.Meet(peer);
            peer.SendMessage(Messages.Video(2, 2, value));
            Assert.AreEqual(value, ReceiverTests.Taken(receiver).Data[0]);
        }
    }
}
