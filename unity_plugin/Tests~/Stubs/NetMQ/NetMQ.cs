// The surface of NetMQ 4.0.1 that NetmqSocket uses, so that it is compiled where NetMQ is not. Nothing here does anything.

using System;

namespace AsyncIO
{
    public static class ForceDotNet
    {
        public static void Force() { }
    }
}

namespace NetMQ
{
    public struct Msg
    {
        public int Size => 0;
        public bool HasMore => false;
        public bool IsInitialised => false;
        public void InitEmpty() { }
        public void InitGC(byte[] data, int size) { }
        public void Close() { }
        public Span<byte> Slice(int offset) => default(Span<byte>);
    }

    public static class NetMQConfig
    {
        public static void Cleanup(bool block = true) { }
    }

    public class NetMQCertificate
    {
        public NetMQCertificate(byte[] secretKey, byte[] publicKey) { }
    }

    public class SocketOptions
    {
        public TimeSpan Linger { get; set; }
        public int ReceiveHighWatermark { get; set; }
        public long MaxMsgSize { get; set; }
        public TimeSpan ReconnectInterval { get; set; }
        public TimeSpan ReconnectIntervalMax { get; set; }
        public TimeSpan HeartbeatInterval { get; set; }
        public TimeSpan HeartbeatTimeout { get; set; }
        public byte[] CurveServerKey { get; set; }
        public NetMQCertificate CurveCertificate { get; set; }
    }

    public abstract class NetMQSocket : IDisposable
    {
        public SocketOptions Options { get; } = new SocketOptions();
        public void Connect(string address) { }
        public virtual bool TryReceive(ref Msg msg, TimeSpan timeout) => false;
        public virtual bool TrySend(ref Msg msg, TimeSpan timeout, bool more) => false;
        public void Dispose() { }
    }
}

namespace NetMQ.Sockets
{
    public class SubscriberSocket : NetMQSocket
    {
        public virtual void Subscribe(byte[] topic) { }
    }

    public class DealerSocket : NetMQSocket
    {
    }
}
