using System.Text;
using NUnit.Framework;

namespace Omote.Tests
{
    public class TopicTests
    {
        [Test]
        public void DefaultFormatHasTheShortTopic()
        {
            Assert.AreEqual("v/omote", Text(Topic.Of(Kinds.Video, "omote")));
            Assert.AreEqual("v.jpeg+lz4a/omote", Text(Topic.Of(Kinds.Video, "omote", "jpeg+lz4a")));
            Assert.AreEqual("v.rgba8.premultiplied.bottom/mira", Text(Topic.Of(Kinds.Video, "mira", "rgba8.premultiplied.bottom")));
            Assert.AreEqual("p/omote", Text(Topic.Of(Kinds.Params, "omote", "jpeg")));
            Assert.AreEqual("s/omote", Text(Topic.Of(Kinds.Schema, "omote")));
            Assert.AreEqual("h/omote", Text(Topic.Of(Kinds.Hello, "omote")));
        }

        [Test]
        public void OddLettersAreRefused()
        {
            foreach (string subject in new[] { "", null, "a/b", "ü", new string('x', 65) })
                Assert.Throws<OmoteException>(() => Topic.Of(Kinds.Video, subject), subject);
            foreach (string format in new[] { "", null, "JPEG", "rgba8/x", "bgra8_" })
                Assert.Throws<OmoteException>(() => Topic.Of(Kinds.Video, "omote", format), format);
        }

        [Test]
        public void TopicsOfThisWireAreKnown()
        {
            foreach (string topic in new[] { "v/omote", "p/a", "s/A.b-c_9", "h/x", "v.bgra8/omote", "v.jpeg+lz4a.bottom/o" })
                Assert.That(IsTopic(topic), topic);
            foreach (string topic in new[] { "", "v", "v/", "/omote", "x/omote", "vv/omote", "v./omote", "p.jpeg/omote", "v.JPEG/omote", "v/a/b", "v/a b" })
                Assert.That(!IsTopic(topic), topic);
        }

        private static bool IsTopic(string text) => Topic.IsTopic(Encoding.ASCII.GetBytes(text), text.Length);

        private static string Text(byte[] bytes) => Encoding.ASCII.GetString(bytes);
    }
}
