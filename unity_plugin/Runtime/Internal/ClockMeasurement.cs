namespace Omote
{
    /// <summary>Measures how far another clock is ahead: of eight exchanges the shortest counts.</summary>
    internal sealed class ClockMeasurement
    {
        private const int Exchanges = 8;

        private ClockReading _best;
        private int _done;

        /// <summary>True where enough exchanges were made.</summary>
        public bool IsDone => _done >= Exchanges;

        public ClockReading Best => _best;

        public void Begin()
        {
            _best = null;
            _done = 0;
        }

        /// <summary>One exchange: asked and answered on our clock, received on theirs.</summary>
        public void Add(ulong session, long askedNs, ulong receivedNs, long answeredNs)
        {
            if (_best != null && _best.Session != session) Begin(); // another session is another clock
            long roundNs = answeredNs - askedNs;
            long offsetNs = unchecked((long)receivedNs - (askedNs + roundNs / 2));
            if (_best == null || roundNs / 2 < _best.UncertaintyNs) _best = new ClockReading(session, offsetNs, roundNs / 2);
            _done++;
        }
    }
}
