using System;
using System.Collections.Generic;
using System.Threading;

namespace Omote
{
    /// <summary>One run of a control client, from Start to Stop: its thread owns the socket.</summary>
    internal sealed class ControlRun
    {
        private const int TurnMs = 5;
        private const int MostRequests = 64;
        private const long NsPerMs = 1000000;

        private readonly SocketOptions _options;
        private readonly Transport _transport;
        private readonly ControlInbox _inbox;
        private readonly ControlClock _clock = new ControlClock();
        private readonly List<ControlRequest> _requests = new List<ControlRequest>(); // guarded by itself
        private readonly Thread _thread;
        private volatile ISocket _socket;
        private volatile bool _isStopping;
        private volatile string _lastError = "";

        public ControlRun(ControlSettings settings, ControlInbox inbox)
        {
            bool isEncrypted = !string.IsNullOrEmpty(settings.KeyFile);
            _options = new SocketOptions
            {
                Role = SocketRole.Dealer,
                Endpoint = Endpoint.Parse(settings.Endpoint),
                Keys = isEncrypted ? KeyFile.Load(settings.KeyFile) : null,
                MaxPartBytes = Message.MaxControlBytes,
            };
            _transport = Sockets.Choose(settings.Transport, isEncrypted);
            _inbox = inbox;
            _thread = new Thread(Run) { IsBackground = true, Name = "Omote control" };
        }

        public bool IsConnected => !_isStopping && (_socket?.IsConnected ?? false);

        public string LastError => _lastError.Length > 0 ? _lastError : _socket?.LastError ?? "";

        public ClockReading Clock => _clock.Reading;

        public void Start() => _thread.Start();

        public void Ask(ControlRequest request)
        {
            request.DeadlineNs = Omote.Clock.NowNs() + request.TimeoutMs * NsPerMs;
            lock (_requests)
            {
                if (_requests.Count < MostRequests) _requests.Add(request);
                else _inbox.Put(request, request.Failed("busy", MostRequests + " requests wait for their answers already"));
            }
        }

        public void Stop(int boundMs)
        {
            _isStopping = true;
            _socket?.Cancel();
            if (!_thread.Join(boundMs)) _lastError = "the control thread did not end in " + boundMs + " ms and was left";
            Expire(long.MaxValue, true);
        }

        private void Run()
        {
            try
            {
                using (ISocket socket = Sockets.Open(_transport, _options))
                {
                    _socket = socket;
                    Message message = Message.ForControl();
                    while (!_isStopping) Turn(socket, message);
                }
            }
            catch (Exception error) // nobody else would hear of it: an exception that leaves a thread ends the game
            {
                _lastError = "control stopped: " + error;
            }
        }

        private void Turn(ISocket socket, Message message)
        {
            _clock.Turn(socket);
            Send(socket);
            if (socket.TryReceive(message, TurnMs)) Take(message, Omote.Clock.NowNs());
            Expire(Omote.Clock.NowNs(), false);
        }

        private void Send(ISocket socket)
        {
            lock (_requests)
                foreach (ControlRequest request in _requests)
                    if (!request.IsSent) request.IsSent = socket.TrySend(request.Bytes, request.Bytes.Length);
        }

        private void Take(Message message, long arrivedNs)
        {
            try
            {
                ControlReply reply = ControlMessage.DecodeReply(message);
                if (!_clock.Take(reply, arrivedNs)) Answer(reply);
            }
            catch (WireException error)
            {
                _lastError = error.Message;
            }
        }

        // A reply that nobody waits for came late, and is dropped.
        private void Answer(ControlReply reply)
        {
            lock (_requests)
            {
                int at = _requests.FindIndex(request => request.Id == reply.Id);
                if (at < 0) return;
                reply.Method = _requests[at].Method;
                _inbox.Put(_requests[at], reply);
                _requests.RemoveAt(at);
            }
        }

        private void Expire(long nowNs, bool isClosing)
        {
            lock (_requests)
            {
                for (int i = _requests.Count - 1; i >= 0; i--)
                {
                    if (_requests[i].DeadlineNs > nowNs) continue;
                    _inbox.Put(_requests[i], isClosing ? Closed(_requests[i]) : TimedOut(_requests[i]));
                    _requests.RemoveAt(i);
                }
            }
        }

        private static ControlReply Closed(ControlRequest request) => request.Failed("closed", "the control client was stopped");

        private ControlReply TimedOut(ControlRequest request)
        {
            string silence = "no answer from " + _options.Endpoint + " in " + request.TimeoutMs + " ms";
            return request.Failed("timeout", IsConnected ? silence : silence + ": not connected. " + LastError);
        }
    }
}
