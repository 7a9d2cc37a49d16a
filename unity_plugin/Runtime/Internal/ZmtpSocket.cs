using System;
using System.Threading;

namespace Omote
{
    /// <summary>Our own ZeroMQ client: SUB or DEALER over TCP, without encryption and without a library.</summary>
    internal sealed class ZmtpSocket : ISocket
    {
        private const int FirstPauseMs = 100;
        private const int LongestPauseMs = 2000;
        private const int SliceMs = 20;
        private const long NsPerMs = 1000000;

        private readonly SocketOptions _options;
        private readonly Func<bool> _isCancelled;
        private readonly ZmtpBuffers _buffers = new ZmtpBuffers();
        private volatile bool _cancelled;
        private volatile bool _isConnected;
        private volatile string _lastError = "";
        private ZmtpConnection _connection;
        private int _pauseMs = FirstPauseMs;
        private long _nextTryNs;

        public ZmtpSocket(SocketOptions options)
        {
            _options = options;
            _isCancelled = () => _cancelled;
        }

        public bool IsConnected => _isConnected;

        public string LastError => _lastError;

        public bool TryReceive(Message message, int timeoutMs)
        {
            if (_connection == null && !Connect(timeoutMs)) return false;
            try
            {
                return _connection.TryReceive(message, timeoutMs);
            }
            catch (LinkException error)
            {
                Disconnect(error);
                return false;
            }
        }

        public bool TrySend(byte[] bytes, int length)
        {
            if (_connection == null) return false;
            try
            {
                _connection.Send(bytes, length);
                return true;
            }
            catch (LinkException error)
            {
                Disconnect(error);
                return false;
            }
        }

        public void Cancel() => _cancelled = true;

        public void Dispose()
        {
            Cancel();
            _isConnected = false;
            _connection?.Dispose();
            _connection = null;
        }

        private bool Connect(int timeoutMs)
        {
            if (!Pause(timeoutMs)) return false;
            try
            {
                _connection = new ZmtpConnection(_options, _isCancelled, _buffers);
                _isConnected = true;
                _pauseMs = FirstPauseMs;
                return true;
            }
            catch (LinkException error)
            {
                Disconnect(error);
                return false;
            }
        }

        // Waits for the time of the next try; false where that lies beyond this call.
        private bool Pause(int timeoutMs)
        {
            long deadlineNs = Clock.NowNs() + timeoutMs * NsPerMs;
            while (Clock.NowNs() < _nextTryNs)
            {
                if (_cancelled || Clock.NowNs() >= deadlineNs) return false;
                Thread.Sleep(SliceMs);
            }
            return !_cancelled;
        }

        private void Disconnect(LinkException error)
        {
            _connection?.Dispose();
            _connection = null;
            _isConnected = false;
            if (_cancelled) return;
            _lastError = error.Message;
            _nextTryNs = Clock.NowNs() + _pauseMs * NsPerMs;
            _pauseMs = Math.Min(2 * _pauseMs, LongestPauseMs);
        }
    }
}
