using System;

namespace Omote
{
    /// <summary>One ZMTP connection from its handshake on; throws LinkException when it is over.</summary>
    internal sealed class ZmtpConnection : IDisposable
    {
        private const int HandshakeMs = 5000;
        private const int SliceMs = 100;
        private const long NsPerMs = 1000000;
        private const long PingNs = 1000000000;
        private const long SilenceNs = 4000000000; // a sender beats once a second; we ask it to, besides
        private const int ShortFrame = 255;
        private const byte Command = 4, Long = 2;

        private static readonly byte[] _ping = { 4, (byte)'P', (byte)'I', (byte)'N', (byte)'G', 0, 0 };

        private readonly SocketOptions _options;
        private readonly Func<bool> _isCancelled;
        private readonly TcpLink _link;
        private readonly ZmtpFrames _frames;
        private readonly byte[] _out;
        private bool _isReady;
        private long _heardNs;
        private long _pingedNs;

        public ZmtpConnection(SocketOptions options, Func<bool> isCancelled, ZmtpBuffers buffers)
        {
            _out = buffers.Out;
            _options = options;
            _isCancelled = isCancelled;
            _frames = new ZmtpFrames(Receive, Obey, options.MaxPartBytes, buffers);
            _link = TcpLink.Connect(options.Endpoint, isCancelled);
            _heardNs = Clock.NowNs();
            try
            {
                Greet();
            }
            catch (LinkException)
            {
                _link.Dispose();
                throw;
            }
        }

        /// <summary>Reads the next whole message; false where none has begun to come in this time.</summary>
        public bool TryReceive(Message message, int timeoutMs)
        {
            long deadlineNs = Clock.NowNs() + timeoutMs * NsPerMs;
            while (WaitReadable(deadlineNs))
                if (_frames.Read(message)) return true;
            return false;
        }

        /// <summary>Sends one message of one part.</summary>
        public void Send(byte[] bytes, int length) => SendFrame(0, bytes, length);

        public void Dispose() => _link.Dispose();

        private void Greet()
        {
            ShakeHands();
            byte[] ready = ZmtpHandshake.Ready(_options.Role);
            SendFrame(Command, ready, ready.Length);
            Message none = Message.ForControl();
            while (!_isReady)
                if (_frames.Read(none)) throw new LinkException("a message came before READY");
            foreach (byte[] topic in _options.Topics) Subscribe(topic);
        }

        // In two steps: a server that wants encryption closes when it reads our mechanism, before we could read which it wants.
        private void ShakeHands()
        {
            byte[] ours = ZmtpHandshake.Greeting();
            byte[] theirs = new byte[ZmtpHandshake.GreetingBytes];
            _link.Send(ours, 0, ZmtpHandshake.VersionBytes);
            _frames.ReadExactly(theirs, theirs.Length);
            ZmtpHandshake.CheckGreeting(theirs);
            _link.Send(ours, ZmtpHandshake.VersionBytes, ours.Length);
        }

        // In ZMTP 3.0 a subscription is a message that begins with 1; the command of 3.1 is not.
        private void Subscribe(byte[] topic)
        {
            byte[] body = new byte[1 + topic.Length];
            body[0] = 1;
            Buffer.BlockCopy(topic, 0, body, 1, topic.Length);
            SendFrame(0, body, body.Length);
        }

        private void Obey(byte[] command, int length)
        {
            if (!_isReady)
            {
                ZmtpHandshake.CheckReady(command, length, _options.Role);
                _isReady = true;
            }
            else if (ZmtpHandshake.Is(command, length, "PING")) Pong(command, length);
        }

        // PING has two bytes of time to live, then a context of up to 16 that the answer repeats.
        private void Pong(byte[] ping, int length)
        {
            const int head = 5, ttl = 2, mostContext = 16;
            if (length < head + ttl) return;
            int context = Math.Min(length - head - ttl, mostContext);
            byte[] pong = new byte[head + context];
            Buffer.BlockCopy(ping, 0, pong, 0, head);
            pong[2] = (byte)'O';
            Buffer.BlockCopy(ping, head + ttl, pong, head, context);
            SendFrame(Command, pong, pong.Length);
        }

        private void SendFrame(byte flags, byte[] body, int length)
        {
            bool isLong = length > ShortFrame;
            int head = isLong ? 9 : 2;
            _out[0] = (byte)(flags | (isLong ? Long : 0));
            for (int i = 1; i < head; i++) _out[i] = (byte)((long)length >> 8 * (head - 1 - i));
            Buffer.BlockCopy(body, 0, _out, head, length);
            _link.Send(_out, 0, head + length);
        }

        private int Receive(byte[] bytes, int offset, int count)
        {
            long deadlineNs = _isReady ? long.MaxValue : _heardNs + HandshakeMs * NsPerMs;
            if (!WaitReadable(deadlineNs))
                throw new LinkException(_isCancelled() ? "stopped" : "no handshake in " + HandshakeMs + " ms: does a ZeroMQ socket listen there?");
            int read = _link.Receive(bytes, offset, count);
            if (_isReady) _heardNs = Clock.NowNs();
            return read;
        }

        private bool WaitReadable(long deadlineNs)
        {
            while (true)
            {
                long leftMs = (deadlineNs - Clock.NowNs()) / NsPerMs;
                if (_frames.HasStaged || _link.WaitReadable((int)Math.Max(0, Math.Min(SliceMs, leftMs)))) return true;
                if (_isCancelled()) return false;
                if (_isReady) Beat();
                if (leftMs <= 0) return false;
            }
        }

        // A peer whose machine vanished closes nothing; only its silence after a question tells.
        private void Beat()
        {
            long nowNs = Clock.NowNs();
            if (nowNs - _heardNs > SilenceNs) throw new LinkException("the sender has been silent for " + SilenceNs / NsPerMs + " ms");
            if (nowNs - _heardNs < PingNs || nowNs - _pingedNs < PingNs) return;
            _pingedNs = nowNs;
            SendFrame(Command, _ping, _ping.Length);
        }
    }
}
