using System;
using System.Collections.Generic;

namespace Omote
{
    /// <summary>Asks Omote things in a thread of its own; answers are handed out by Poll, on the thread that calls it.</summary>
    public sealed partial class ControlClient : IDisposable
    {
        /// <summary>How long a request waits for its answer.</summary>
        public const int TimeoutMs = 2000;

        /// <summary>How long set_character does, which reads and prepares a face.</summary>
        public const int SlowTimeoutMs = 10000;

        /// <summary>Stop returns within this time whatever the other side does.</summary>
        public const int StopBoundMs = 2000;

        private readonly object _gate = new object();
        private readonly ControlInbox _inbox = new ControlInbox();
        private volatile ControlRun _run;
        private ulong _nextId;

        /// <summary>True from Start to Stop.</summary>
        public bool IsRunning => _run != null;

        /// <summary>True while Omote can be reached.</summary>
        public bool IsConnected
        {
            get
            {
                ControlRun run = _run;
                return run != null && run.IsConnected;
            }
        }

        /// <summary>What went wrong last; empty where nothing did.</summary>
        public string LastError => _run?.LastError ?? "";

        /// <summary>How far Omote's clock is ahead of ours, measured every 10 s; null until it was.</summary>
        public ClockReading Clock => _run?.Clock;

        /// <summary>Begins to connect; OmoteException, with the cure, where these settings can never work.</summary>
        public void Start(ControlSettings settings)
        {
            Stop();
            lock (_gate)
            {
                ControlRun run = new ControlRun(settings, _inbox);
                run.Start();
                _run = run;
            }
        }

        /// <summary>Ends it within StopBoundMs; requests without an answer are told `closed`, here and now.</summary>
        public void Stop()
        {
            lock (_gate)
            {
                ControlRun run = _run;
                if (run == null) return;
                _run = null;
                run.Stop(StopBoundMs);
            }
            Poll();
        }

        /// <summary>The same as Stop.</summary>
        public void Dispose() => Stop();

        /// <summary>Hands out the answers that have come, on this thread: call it in Update.</summary>
        public void Poll() => _inbox.Deliver();

        /// <summary>Asks, and returns the request's id; `done` is called once, with the answer or why there is none.</summary>
        public ulong Call(string method, IDictionary<string, object> arguments, Action<ControlReply> done = null, int timeoutMs = TimeoutMs)
        {
            ControlRequest request = new ControlRequest { Method = method, Done = done, TimeoutMs = timeoutMs };
            lock (_gate)
            {
                request.Id = ++_nextId;
                request.Bytes = ControlMessage.EncodeRequest(request.Id, method, arguments);
                ControlRun run = _run;
                if (run != null) run.Ask(request);
                else _inbox.Put(request, request.Failed("closed", "the control client is not started"));
            }
            return request.Id;
        }
    }
}
