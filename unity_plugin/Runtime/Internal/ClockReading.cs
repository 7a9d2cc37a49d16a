namespace Omote
{
    /// <summary>How far the sender's clock is ahead of ours, in one session.</summary>
    public sealed class ClockReading
    {
        internal ClockReading(ulong session, long offsetNs, long uncertaintyNs)
        {
            Session = session;
            OffsetNs = offsetNs;
            UncertaintyNs = uncertaintyNs;
        }

        /// <summary>The session whose clock it was.</summary>
        public ulong Session { get; }

        /// <summary>The sender's clock minus ours.</summary>
        public long OffsetNs { get; }

        /// <summary>By how much it may be wrong, at most.</summary>
        public long UncertaintyNs { get; }
    }
}
