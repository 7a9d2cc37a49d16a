namespace Omote
{
    /// <summary>Which message this is, and when; all times but WallNs are of the sender's monotonic clock.</summary>
    public struct Header
    {
        /// <summary>One run of one publisher; another session has another clock and counts anew.</summary>
        public ulong Session;

        /// <summary>Counts the messages of this session and topic, from 0; a jump is a gap.</summary>
        public ulong Sequence;

        /// <summary>Which picture of the source it belongs to: the same in video and params.</summary>
        public ulong Index;

        /// <summary>When the performer's picture was captured.</summary>
        public ulong CapturedNs;

        /// <summary>When the portrait was finished.</summary>
        public ulong GeneratedNs;

        /// <summary>When the message was handed to ZeroMQ.</summary>
        public ulong SentNs;

        /// <summary>The sender's wall clock at CapturedNs, since 1970.</summary>
        public ulong WallNs;
    }
}
