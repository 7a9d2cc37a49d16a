using NUnit.Framework;

namespace Omote.Tests
{
    public class EndpointTests
    {
        [Test]
        public void HostAndPortAreRead()
        {
            Assert.AreEqual("tcp://127.0.0.1:5557", Endpoint.Parse("tcp://127.0.0.1:5557").ToString());
            Assert.AreEqual("studio.local", Endpoint.Parse("tcp://studio.local:1").Host);
            Endpoint six = Endpoint.Parse("tcp://[::1]:65535");
            Assert.AreEqual(new object[] { "::1", 65535, "tcp://[::1]:65535" }, new object[] { six.Host, six.Port, six.ToString() });
        }

        [Test]
        public void WhatIsNoEndpointIsRefusedWithAnExample()
        {
            foreach (string text in new[] { null, "", "5557", "127.0.0.1:5557", "ipc://x", "tcp://", "tcp://:5557", "tcp://a", "tcp://a:", "tcp://a:0",
                "tcp://a:65536", "tcp://a:-1", "tcp://a: 1", "tcp://*:5557", "tcp://0.0.0.0:5557" })
                Assert.That(Assert.Throws<OmoteException>(() => Endpoint.Parse(text), text).Message, Is.StringContaining("tcp://127.0.0.1:5557"));
        }

        [Test]
        public void OnlyThisMachineIsLoopback()
        {
            foreach (string text in new[] { "tcp://127.0.0.1:1", "tcp://127.9.9.9:1", "tcp://localhost:1", "tcp://[::1]:1" })
                Assert.That(Endpoint.Parse(text).IsLoopback, text);
            foreach (string text in new[] { "tcp://192.168.0.2:1", "tcp://studio:1", "tcp://128.0.0.1:1" })
                Assert.That(!Endpoint.Parse(text).IsLoopback, text);
        }
    }
}
