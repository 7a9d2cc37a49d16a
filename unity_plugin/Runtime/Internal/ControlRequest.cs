using System;

namespace Omote
{
    /// <summary>A request that has not been answered.</summary>
    internal sealed class ControlRequest
    {
        public ulong Id;
        public string Method;
        public byte[] Bytes;
        public int TimeoutMs;
        public long DeadlineNs;
        public bool IsSent;

        /// <summary>Called with the reply; null where nobody wants it.</summary>
        public Action<ControlReply> Done;

        public ControlReply Failed(string code, string message) => new ControlReply(Id, Method, code, message);
    }
}
