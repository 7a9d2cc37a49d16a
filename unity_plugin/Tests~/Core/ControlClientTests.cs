using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using NUnit.Framework;

namespace Omote.Tests
{
    /// <summary>Requests and their answers, against a peer that the test leads.</summary>
    public class ControlClientTests
    {
        private const string Nobody = "tcp://127.0.0.1:9";

        [Test]
        public void AnswersComeToThoseWhoAskedWhateverTheirOrder()
        {
            using (Peer peer = new Peer("ROUTER"))
            using (ControlClient control = Started(peer))
            {
                List<ControlReply> replies = new List<ControlReply>();
                control.Characters(replies.Add);
                control.SetCharacter("mira", replies.Add);
                Dictionary<string, object>[] asked = { Asked(peer), Asked(peer) };
                Assert.AreEqual("mira", ((Dictionary<string, object>)asked[1]["with"])["name"]);
                foreach (Dictionary<string, object> request in asked.Reverse()) Answer(peer, request, "character", (string)request["method"]);
                WaitFor(control, () => replies.Count == 2);
                foreach (ControlReply reply in replies) Assert.AreEqual(reply.Method, reply.GetText("character"));
            }
        }

        [Test]
        public void CallbackRunsOnTheThreadThatPolls()
        {
            using (Peer peer = new Peer("ROUTER"))
            using (ControlClient control = Started(peer))
            {
                Thread thread = null;
                control.Recalibrate(reply => thread = Thread.CurrentThread);
                Answer(peer, Asked(peer), "x", "y");
                WaitFor(control, () => thread != null);
                Assert.AreSame(Thread.CurrentThread, thread);
            }
        }

        [Test]
        public void RefusalCarriesItsCodeAndSentence()
        {
            using (Peer peer = new Peer("ROUTER"))
            using (ControlClient control = Started(peer))
            {
                ControlReply reply = null;
                control.Call("nonsense", null, answer => reply = answer);
                Dictionary<string, object> error = new Dictionary<string, object> { { "code", "unsupported" }, { "message", "there is no nonsense" } };
                peer.SendFrame(0, Messages.Packed(new Dictionary<string, object> { { "v", 1 }, { "id", Asked(peer)["id"] }, { "error", error } }));
                WaitFor(control, () => reply != null);
                Assert.AreEqual(new object[] { false, "unsupported", "there is no nonsense" }, new object[] { reply.IsOk, reply.ErrorCode, reply.Message });
            }
        }

        [Test]
        public void RequestWithoutAnAnswerIsGivenUpAndALateAnswerDropped()
        {
            using (Peer peer = new Peer("ROUTER"))
            using (ControlClient control = Started(peer))
            {
                List<string> codes = new List<string>();
                control.Call("stats", null, reply => codes.Add(reply.ErrorCode), 1500); // long enough to be sent
                Dictionary<string, object> request = Asked(peer);
                WaitFor(control, () => codes.Count == 1);
                Answer(peer, request, "x", "y");
                control.Call("stats", null, reply => codes.Add(reply.ErrorCode), 60000);
                Answer(peer, Asked(peer), "x", "y");
                WaitFor(control, () => codes.Count == 2);
                Assert.AreEqual(new[] { "timeout", "" }, codes.ToArray());
            }
        }

        [Test]
        public void RequestWaitsUntilThereIsAConnection()
        {
            using (Peer peer = new Peer("ROUTER"))
            using (ControlClient control = new ControlClient())
            {
                ControlReply reply = null;
                control.Start(new ControlSettings { Endpoint = peer.Endpoint });
                control.Call("stats", null, answer => reply = answer, 60000);
                peer.Accept();
                Answer(peer, Asked(peer), "source", "webcam");
                WaitFor(control, () => reply != null);
                Assert.AreEqual("webcam", reply.GetText("source"));
            }
        }

        [Test]
        public void NobodyThereIsSaidByTheTimeOut()
        {
            using (ControlClient control = new ControlClient())
            {
                ControlReply reply = null;
                control.Start(new ControlSettings { Endpoint = Nobody });
                control.Call("stats", null, answer => reply = answer, 100);
                WaitFor(control, () => reply != null);
                Assert.AreEqual("timeout", reply.ErrorCode);
                Assert.That(reply.Message, Is.StringContaining(Nobody));
                Assert.That(reply.Message, Is.StringContaining("not connected"));
            }
        }

        [Test]
        public void StopTellsThoseWhoStillWait()
        {
            ControlReply reply = null;
            ControlClient control = new ControlClient();
            control.Start(new ControlSettings { Endpoint = Nobody });
            control.Hello(answer => reply = answer);
            control.Stop();
            Assert.AreEqual("closed", reply.ErrorCode);
        }

        [Test]
        public void CallWithoutStartIsClosed()
        {
            ControlReply reply = null;
            ControlClient control = new ControlClient();
            control.Stats(answer => reply = answer);
            control.Poll();
            Assert.AreEqual("closed", reply.ErrorCode);
        }

        [Test]
        public void MoreRequestsThanMayWaitAreRefused()
        {
            List<string> codes = new List<string>();
            using (ControlClient control = new ControlClient())
            {
                control.Start(new ControlSettings { Endpoint = Nobody });
                for (int i = 0; i < 65; i++) control.Call("stats", null, reply => codes.Add(reply.ErrorCode), 60000);
                control.Poll();
                Assert.AreEqual(new[] { "busy" }, codes.ToArray());
            }
            Assert.AreEqual(64, codes.Count(code => code == "closed"));
        }

        [Test]
        public void CallbackMayAskAgain()
        {
            ControlClient control = new ControlClient();
            int answers = 0;
            Action<ControlReply> again = null;
            again = reply => { if (++answers < 10) control.Stats(again); };
            control.Stats(again);
            for (int i = 0; i < 10; i++) control.Poll();
            Assert.AreEqual(10, answers);
        }

        [Test]
        public void ClockIsMeasuredByItself()
        {
            const long ahead = 3600000000000;
            using (Peer peer = new Peer("ROUTER"))
            using (ControlClient control = new ControlClient())
            {
                control.Start(new ControlSettings { Endpoint = peer.Endpoint });
                peer.Accept();
                Wait.Until(() =>
                {
                    if (!peer.HasBytes) return control.Clock != null;
                    Dictionary<string, object> request = Read(peer);
                    Assert.AreEqual("clock", request["method"]);
                    Reply(peer, request, new Dictionary<string, object> { { "received", Clock.NowNs() + ahead }, { "session", 7 } });
                    return false;
                });
                Assert.AreEqual(7, control.Clock.Session);
                Assert.That(Math.Abs(control.Clock.OffsetNs - ahead), Is.LessThanOrEqualTo(control.Clock.UncertaintyNs + 1));
            }
        }

        [Test]
        public void FiftyStartsAndStopsLeaveNothingBehind()
        {
            using (Peer peer = new Peer("ROUTER"))
            {
                ControlClient control = new ControlClient();
                for (int i = 0; i < 50; i++)
                {
                    control.Start(new ControlSettings { Endpoint = i % 2 == 0 ? Nobody : peer.Endpoint });
                    control.Stop();
                    control.Stop();
                }
                Assert.That(!control.IsRunning);
                Assert.AreEqual("", control.LastError);
            }
        }

        [Test]
        public void LightAndExpressionTravelAsTheyAreSpecified()
        {
            using (Peer peer = new Peer("ROUTER"))
            using (ControlClient control = Started(peer))
            {
                control.SetLight(new float[27]);
                control.SetLight(null);
                control.SetExpression(new Dictionary<string, float> { { "jawOpen", 0.5f } }, 0.25f, null);
                Assert.AreEqual(27, ((List<object>)With(Asked(peer))["harmonics"]).Count);
                Assert.AreEqual(null, With(Asked(peer))["harmonics"]);
                Dictionary<string, object> expression = With(Asked(peer));
                Assert.AreEqual(new object[] { 0.25, null }, new[] { expression["attack"], expression["hold"] });
                Assert.AreEqual(0.5, ((Dictionary<string, object>)expression["weights"])["jawOpen"]);
            }
        }

        private static ControlClient Started(Peer peer)
        {
            ControlClient control = new ControlClient();
            control.Start(new ControlSettings { Endpoint = peer.Endpoint });
            peer.Accept();
            return control;
        }

        private static void WaitFor(ControlClient control, Func<bool> isSo) => Wait.Until(() =>
        {
            control.Poll();
            return isSo();
        });

        // The next request of a caller; those for the clock stay without an answer.
        private static Dictionary<string, object> Asked(Peer peer)
        {
            Dictionary<string, object> request = Read(peer);
            while ((string)request["method"] == "clock") request = Read(peer);
            return request;
        }

        private static Dictionary<string, object> Read(Peer peer)
        {
            byte[] bytes = peer.ReadMessage();
            MessagePackReader reader = new MessagePackReader();
            reader.Reset(bytes, bytes.Length);
            return MessagePackTree.ReadMap(reader);
        }

        private static Dictionary<string, object> With(Dictionary<string, object> request) => (Dictionary<string, object>)request["with"];

        private static void Answer(Peer peer, Dictionary<string, object> request, string key, string value) =>
            Reply(peer, request, new Dictionary<string, object> { { key, value } });

        private static void Reply(Peer peer, Dictionary<string, object> request, Dictionary<string, object> result) =>
            peer.SendFrame(0, Messages.Packed(new Dictionary<string, object> { { "v", 1 }, { "id", request["id"] }, { "result", result } }));
    }
}
