using System;

namespace Omote
{
    /// <summary>Listens to one endpoint in a thread of its own and keeps the newest; a sender may come, go and come again.</summary>
    public sealed class Receiver : IDisposable
    {
        /// <summary>Stop returns within this time whatever the other side does.</summary>
        public const int StopBoundMs = 2000;

        private readonly object _gate = new object();
        private volatile ReceiverRun _run;
        private volatile ClockReading _clock;
        private Statistics _last = new Statistics { LastError = "", FormatText = "" };

        /// <summary>True from Start to Stop.</summary>
        public bool IsRunning => _run != null;

        /// <summary>What the floats of the params mean; null until the sender said so.</summary>
        public Schema Schema => _run?.Schema;

        /// <summary>What the sender says of itself; null until it did.</summary>
        public Hello Hello => _run?.Hello;

        /// <summary>How far the sender's clock is ahead, from ControlClient.Clock; on one machine there is no need for it.</summary>
        public ClockReading Clock
        {
            get { return _clock; }
            set { _clock = value; }
        }

        /// <summary>Begins to listen; OmoteException, with the cure, where these settings can never work.</summary>
        public void Start(ReceiverSettings settings)
        {
            lock (_gate)
            {
                StopRun();
                ReceiverRun run = new ReceiverRun(settings, () => _clock);
                run.Start();
                _run = run;
            }
        }

        /// <summary>Ends listening, within StopBoundMs; may be called at any time, and Start again afterwards.</summary>
        public void Stop()
        {
            lock (_gate) StopRun();
        }

        /// <summary>The same as Stop.</summary>
        public void Dispose() => Stop();

        /// <summary>The newest picture, once; it holds until the next is taken. For one thread only.</summary>
        public bool TryTake(out VideoFrame frame)
        {
            frame = null;
            ReceiverRun run = _run;
            return run != null && run.Video.TryTake(out frame);
        }

        /// <summary>The newest params, once; they hold until the next are taken. For one thread only.</summary>
        public bool TryTake(out ParamsFrame frame)
        {
            frame = null;
            ReceiverRun run = _run;
            return run != null && run.Params.TryTake(out frame);
        }

        /// <summary>Waits until there is something to take; false where nothing came in this time.</summary>
        public bool Wait(int timeoutMs)
        {
            ReceiverRun run = _run;
            return run != null && run.Wait(timeoutMs);
        }

        /// <summary>How it goes, at this moment; what was counted stays readable after Stop. From any thread.</summary>
        public Statistics GetStatistics()
        {
            ReceiverRun run = _run;
            if (run != null) return run.Read();
            lock (_gate) return _last;
        }

        private void StopRun()
        {
            ReceiverRun run = _run;
            if (run == null) return;
            run.Stop(StopBoundMs);
            _last = run.Read();
            _run = null;
        }
    }
}
