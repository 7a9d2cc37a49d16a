using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using NUnit.Framework;

namespace Omote.Tests
{
    public class ControlMessageTests
    {
        [Test]
        public void EveryGoldenReplyIsReadAsPythonReadsIt()
        {
            foreach (string name in Golden.Names("control_reply_"))
            {
                ControlReply reply = Decode(Golden.Parts(name)[0]);
                Dictionary<string, object> said = Golden.Map(name);
                Assert.AreEqual(said["id"], reply.Id.ToString(CultureInfo.InvariantCulture), name);
                Assert.AreEqual(said.ContainsKey("result"), reply.IsOk, name);
                if (reply.IsOk) AssertSame(said["result"], reply.Result, name);
                else Assert.AreEqual(new[] { Error(said, "code"), Error(said, "message") }, new[] { reply.ErrorCode, reply.Message }, name);
            }
        }

        [Test]
        public void EveryGoldenRequestIsWhatWeWouldSend()
        {
            foreach (string name in Golden.Names("control_request_"))
            {
                Dictionary<string, object> golden = Tree(Golden.Parts(name)[0]);
                golden.TryGetValue("with", out object arguments);
                ulong id = golden["id"] is ulong ? (ulong)golden["id"] : (ulong)(long)golden["id"];
                byte[] ours = ControlMessage.EncodeRequest(id, (string)golden["method"], (IDictionary<string, object>)arguments);
                AssertSame(golden, Tree(ours), name);
                Assert.AreEqual(Golden.Map(name)["method"], golden["method"], name);
            }
        }

        [Test]
        public void EveryGoldenMessageThatBreaksARuleIsRefused()
        {
            string[] names = Golden.Names("control_refused_");
            Assert.That(names.Length, Is.GreaterThan(4));
            foreach (string name in names) Assert.Throws<WireException>(() => Decode(Golden.Parts(name)[0]), name);
        }

        [Test]
        public void NewerVersionIsRefusedByName()
        {
            WireException error = Assert.Throws<WireException>(() => Decode(Golden.Parts("control_refused_newer_version")[0]));
            Assert.That(error.Message, Is.StringContaining("version 2"));
        }

        [Test]
        public void ReplyOfManyPartsIsRefused()
        {
            byte[] reply = Golden.Parts("control_reply_empty")[0];
            Message message = Messages.Into(Message.ForControl(), reply, reply);
            Assert.Throws<WireException>(() => ControlMessage.DecodeReply(message));
        }

        [Test]
        public void ReplyIsReadByKeyAndMissingValuesAreEmpty()
        {
            Dictionary<string, object> said = new Dictionary<string, object>
            {
                { "v", 1 }, { "id", 5 },
                { "result", new Dictionary<string, object> { { "fps", 59.5 }, { "size", 512 }, { "names", new[] { "a", "b" } }, { "character", "mira" } } },
            };
            ControlReply reply = Decode(Messages.Packed(said));
            Assert.AreEqual(59.5, reply.GetNumber("fps"));
            Assert.AreEqual(512, reply.GetInteger("size"));
            Assert.AreEqual(new[] { "a", "b" }, reply.GetTexts("names").ToArray());
            Assert.AreEqual("mira", reply.GetText("character"));
            Assert.AreEqual("", reply.GetText("nothing"));
            Assert.AreEqual(0, reply.GetNumber("names"));
        }

        private static ControlReply Decode(byte[] bytes) => ControlMessage.DecodeReply(Messages.Into(Message.ForControl(), bytes));

        private static Dictionary<string, object> Tree(byte[] bytes)
        {
            MessagePackReader reader = new MessagePackReader();
            reader.Reset(bytes, bytes.Length);
            return MessagePackTree.ReadMap(reader);
        }

        private static string Error(Dictionary<string, object> said, string key) => (string)((Dictionary<string, object>)said["error"])[key];

        // golden.json writes 64-bit integers as text.
        private static void AssertSame(object wanted, object found, string where)
        {
            if (wanted is IDictionary) AssertSameMap((IDictionary)wanted, (IDictionary)found, where);
            else if (wanted is List<object>) AssertSameList((List<object>)wanted, (List<object>)found, where);
            else if (wanted is string) Assert.AreEqual(wanted, System.Convert.ToString(found, CultureInfo.InvariantCulture), where);
            else Assert.AreEqual(wanted, found, where);
        }

        private static void AssertSameMap(IDictionary wanted, IDictionary found, string where)
        {
            Assert.AreEqual(wanted.Count, found.Count, where);
            foreach (object key in wanted.Keys) AssertSame(wanted[key], found[key], where + " " + key);
        }

        private static void AssertSameList(List<object> wanted, List<object> found, string where)
        {
            Assert.AreEqual(wanted.Count, found.Count, where);
            for (int i = 0; i < wanted.Count; i++) AssertSame(wanted[i], found[i], where + " " + i);
        }
    }
}
