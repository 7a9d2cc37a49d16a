namespace Omote
{
    /// <summary>What has arrived so far; written by the receiving thread, read by any.</summary>
    internal sealed class Reception
    {
        private const long StaleNs = 500000000;
        private const float MsPerNs = 1e-6f;

        private readonly object _gate = new object();
        private readonly AgeWindow _ages = new AgeWindow();
        private readonly AgeWindow _transits = new AgeWindow();
        private readonly SequenceGaps _gaps = new SequenceGaps(ReceiverTopics.Count);
        private readonly bool _isLoopback;
        private readonly Kinds _measured;
        private long _received;
        private long _rejected;
        private long _faceNs;
        private bool _hasFace;
        private bool _isAgeKnown;
        private string _lastError = "";
        private VideoFrame _described;
        private string _formatText = "";

        public Reception(bool isLoopback, Kinds kinds)
        {
            _isLoopback = isLoopback;
            _measured = (kinds & Kinds.Video) != 0 ? Kinds.Video : Kinds.Params;
        }

        public void Add(Kinds kind, int topic, Header header, long arrivedNs, ClockReading clock)
        {
            lock (_gate)
            {
                _received++;
                _gaps.Add(header.Session, topic, header.Sequence);
                if (kind == Kinds.Schema || kind == Kinds.Hello) return;
                _faceNs = arrivedNs;
                _hasFace = true;
                if (kind == _measured) Measure(header, arrivedNs, clock);
            }
        }

        public void Describe(VideoFrame frame)
        {
            lock (_gate)
            {
                if (_described == null) _described = new VideoFrame();
                else if (IsAlike(frame, _described)) return;
                _described.Width = frame.Width;
                _described.Height = frame.Height;
                _described.Format = frame.Format;
                _described.Alpha = frame.Alpha;
                _described.Origin = frame.Origin;
                _formatText = VideoDecoder.Describe(frame);
            }
        }

        public void Reject(string error)
        {
            lock (_gate)
            {
                _rejected++;
                _lastError = error;
            }
        }

        public void Fail(string error)
        {
            lock (_gate) _lastError = error;
        }

        public Statistics Read(long nowNs, bool isRunning, bool isConnected, string socketError)
        {
            lock (_gate)
            {
                _ages.Percentiles(out long ageP50Ns, out long ageP99Ns);
                _transits.Percentiles(out long transitP50Ns, out long transitP99Ns);
                return new Statistics
                {
                    State = State(nowNs, isRunning),
                    IsConnected = isConnected,
                    Fps = _ages.Rate(nowNs),
                    IsAgeKnown = _isAgeKnown,
                    AgeP50Ms = _isAgeKnown ? ageP50Ns * MsPerNs : 0,
                    AgeP99Ms = _isAgeKnown ? ageP99Ns * MsPerNs : 0,
                    TransitP50Ms = _isAgeKnown ? transitP50Ns * MsPerNs : 0,
                    TransitP99Ms = _isAgeKnown ? transitP99Ns * MsPerNs : 0,
                    Received = _received,
                    Missed = _gaps.Missed,
                    Rejected = _rejected,
                    Sessions = _gaps.Sessions,
                    Session = _gaps.Session,
                    LastError = _lastError.Length > 0 ? _lastError : socketError,
                    FormatText = _formatText,
                };
            }
        }

        private ReceiverState State(long nowNs, bool isRunning)
        {
            if (!isRunning) return ReceiverState.Disconnected;
            if (!_hasFace) return ReceiverState.Connecting;
            return nowNs - _faceNs > StaleNs ? ReceiverState.Stale : ReceiverState.Live;
        }

        // Ages that were measured by another clock say nothing about this one.
        private void Measure(Header header, long arrivedNs, ClockReading clock)
        {
            bool isMeasured = clock != null && clock.Session == header.Session;
            bool isKnown = isMeasured || _isLoopback;
            if (isKnown != _isAgeKnown)
            {
                _ages.Clear();
                _transits.Clear();
            }
            _isAgeKnown = isKnown;
            long theirNowNs = arrivedNs + (isMeasured ? clock.OffsetNs : 0);
            _ages.Add(arrivedNs, unchecked(theirNowNs - (long)header.CapturedNs));
            _transits.Add(arrivedNs, unchecked(theirNowNs - (long)header.SentNs));
        }

        private static bool IsAlike(VideoFrame a, VideoFrame b) => a.Width == b.Width && a.Height == b.Height
            && a.Format == b.Format && a.Alpha == b.Alpha && a.Origin == b.Origin;
    }
}
