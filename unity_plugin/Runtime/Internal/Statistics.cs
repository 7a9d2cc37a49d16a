namespace Omote
{
    /// <summary>Where a receiver stands.</summary>
    public enum ReceiverState
    {
        /// <summary>Not started.</summary>
        Disconnected,

        /// <summary>Started; no picture and no params have come yet.</summary>
        Connecting,

        /// <summary>A picture or params came within the last half second.</summary>
        Live,

        /// <summary>None has come for half a second: what is on the screen is no longer live.</summary>
        Stale,
    }

    /// <summary>What has arrived so far, at one moment.</summary>
    public struct Statistics
    {
        /// <summary>Where the receiver stands.</summary>
        public ReceiverState State;

        /// <summary>True while a connection stands, whether or not anything comes through it.</summary>
        public bool IsConnected;

        /// <summary>Pictures (or params, where no pictures are asked for) a second, over the last two.</summary>
        public float Fps;

        /// <summary>False where the sender is on another machine whose clock has not been measured: age and transit are then 0.</summary>
        public bool IsAgeKnown;

        /// <summary>Age, milliseconds since the performer was captured: the median of the last 256.</summary>
        public float AgeP50Ms;

        /// <summary>Age, milliseconds since the performer was captured: 99 of 100 of the last 256 are younger.</summary>
        public float AgeP99Ms;

        /// <summary>Transit, milliseconds since Omote sent it: the median of the last 256.</summary>
        public float TransitP50Ms;

        /// <summary>Transit, milliseconds since Omote sent it: 99 of 100 of the last 256 took less.</summary>
        public float TransitP99Ms;

        /// <summary>Messages of all kinds that were understood.</summary>
        public long Received;

        /// <summary>Sequence numbers that never came.</summary>
        public long Missed;

        /// <summary>Pictures and params that newer ones replaced before anybody took them.</summary>
        public long Skipped;

        /// <summary>Messages that broke a rule of the wire.</summary>
        public long Rejected;

        /// <summary>Runs of the sender that were seen.</summary>
        public int Sessions;

        /// <summary>The session that sends now.</summary>
        public ulong Session;

        /// <summary>What went wrong last; empty where nothing did.</summary>
        public string LastError;

        /// <summary>What the last picture was, as `512x512 rgba8 straight top`; empty before the first.</summary>
        public string FormatText;
    }
}
