using System;

namespace Omote
{
    /// <summary>Counts what was sent and never came, by the sequence numbers of each topic.</summary>
    internal sealed class SequenceGaps
    {
        private readonly ulong[] _next;
        private readonly bool[] _hasNext;

        public SequenceGaps(int topics)
        {
            _next = new ulong[topics];
            _hasNext = new bool[topics];
        }

        public int Sessions { get; private set; }

        public ulong Session { get; private set; }

        public long Missed { get; private set; }

        public void Add(ulong session, int topic, ulong sequence)
        {
            if (Sessions == 0 || session != Session) Begin(session);
            if (_hasNext[topic] && sequence > _next[topic]) Miss(sequence - _next[topic]);
            _next[topic] = unchecked(sequence + 1);
            _hasNext[topic] = true;
        }

        private void Begin(ulong session)
        {
            Session = session;
            Sessions++;
            Array.Clear(_hasNext, 0, _hasNext.Length);
        }

        // Held at the most there can be: a sequence number is whatever the sender says.
        private void Miss(ulong count) => Missed += (long)Math.Min(count, (ulong)(long.MaxValue - Missed));
    }
}
