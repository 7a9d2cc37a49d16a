#if OMOTE_NETMQ
using System;
using NetMQ;
using NetMQ.Sockets;

namespace Omote
{
    /// <summary>A SUB or DEALER socket of NetMQ 4.0.1 or newer, which a project brings itself; it knows CURVE.</summary>
    internal sealed class NetmqSocket : ISocket
    {
        private static readonly TimeSpan _slice = TimeSpan.FromMilliseconds(20);
        private static readonly object _gate = new object();
        private static int _open;

        private readonly NetMQSocket _socket;
        private Msg _received = new Msg();
        private volatile bool _cancelled;
        private bool _isDisposed;

        public NetmqSocket(SocketOptions options)
        {
            Enter();
            _received.InitEmpty();
            _socket = options.Role == SocketRole.Subscriber ? (NetMQSocket)new SubscriberSocket() : new DealerSocket();
            try
            {
                SetOptions(options);
                foreach (byte[] topic in options.Topics) ((SubscriberSocket)_socket).Subscribe(topic);
                _socket.Connect(options.Endpoint.ToString());
            }
            catch // a host that is not found, for one; an open socket would hold NetMQ's threads
            {
                Dispose();
                throw;
            }
        }

        /// <summary>NetMQ does not tell without a thread of its own, so it counts as connected from the beginning.</summary>
        public bool IsConnected => !_cancelled;

        public string LastError => "";

        public bool TryReceive(Message message, int timeoutMs)
        {
            message.Clear();
            long deadlineNs = Clock.NowNs() + timeoutMs * 1000000L;
            do
            {
                if (_socket.TryReceive(ref _received, _slice)) return ReadParts(message);
            }
            while (!_cancelled && Clock.NowNs() < deadlineNs);
            return false;
        }

        public bool TrySend(byte[] bytes, int length)
        {
            Msg request = new Msg();
            request.InitGC((byte[])bytes.Clone(), length); // NetMQ keeps it until it is on its way
            bool isSent = _socket.TrySend(ref request, TimeSpan.Zero, false);
            request.Close();
            return isSent;
        }

        public void Cancel() => _cancelled = true;

        public void Dispose()
        {
            if (_isDisposed) return;
            _isDisposed = true;
            _cancelled = true;
            if (_received.IsInitialised) _received.Close();
            _socket.Dispose();
            Leave();
        }

        // AsyncIO's own Windows sockets misbehave in Unity; it has to be told before the first socket is made.
        private static void Enter()
        {
            lock (_gate)
            {
                if (_open == 0) AsyncIO.ForceDotNet.Force();
                _open++;
            }
        }

        // Not Cleanup(true), which waits for ever for a socket that somebody has left open.
        private static void Leave()
        {
            lock (_gate)
            {
                _open--;
                if (_open == 0) NetMQConfig.Cleanup(false);
            }
        }

        private bool ReadParts(Message message)
        {
            Keep(message);
            while (_received.HasMore)
            {
                while (!_socket.TryReceive(ref _received, _slice))
                    if (_cancelled) return false;
                Keep(message);
            }
            return true;
        }

        private void Keep(Message message)
        {
            byte[] bytes = message.Add(_received.Size);
            if (bytes != null && _received.Size > 0) _received.Slice(0).CopyTo(new Span<byte>(bytes, 0, _received.Size));
        }

        private void SetOptions(SocketOptions options)
        {
            _socket.Options.Linger = TimeSpan.Zero;
            _socket.Options.ReceiveHighWatermark = 8;
            _socket.Options.MaxMsgSize = options.MaxPartBytes;
            _socket.Options.ReconnectInterval = TimeSpan.FromMilliseconds(100);
            _socket.Options.ReconnectIntervalMax = TimeSpan.FromMilliseconds(2000);
            _socket.Options.HeartbeatInterval = TimeSpan.FromMilliseconds(1000);
            _socket.Options.HeartbeatTimeout = TimeSpan.FromMilliseconds(3000);
            if (options.Keys == null) return;
            _socket.Options.CurveServerKey = Z85.Decode(options.Keys.Server);
            _socket.Options.CurveCertificate = new NetMQCertificate(Z85.Decode(options.Keys.Secret), Z85.Decode(options.Keys.Public));
        }
    }
}
#endif
