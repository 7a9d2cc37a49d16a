using System;

namespace Omote
{
    /// <summary>What a socket is for.</summary>
    internal enum SocketRole
    {
        /// <summary>Receives what it subscribed to.</summary>
        Subscriber,

        /// <summary>Sends requests and receives replies.</summary>
        Dealer,
    }

    /// <summary>What a socket needs to know to be opened.</summary>
    internal sealed class SocketOptions
    {
        public SocketRole Role;
        public Endpoint Endpoint;
        public byte[][] Topics = new byte[0][];

        /// <summary>Null: no encryption.</summary>
        public KeyFile Keys;

        /// <summary>A larger part ends the connection.</summary>
        public int MaxPartBytes = Message.MaxPartBytes;
    }

    /// <summary>A connection that makes itself anew; one thread opens, uses and disposes it, only Cancel is for others.</summary>
    internal interface ISocket : IDisposable
    {
        /// <summary>True while the other side answers.</summary>
        bool IsConnected { get; }

        /// <summary>Why there is no connection, or why the last one ended; empty where none did.</summary>
        string LastError { get; }

        /// <summary>Reads the next whole message; false where none has begun to come in this time.</summary>
        bool TryReceive(Message message, int timeoutMs);

        /// <summary>Sends one part, at once; false where that is not possible now.</summary>
        bool TrySend(byte[] bytes, int length);

        /// <summary>From any thread: whatever this socket waits for, it soon stops waiting.</summary>
        void Cancel();
    }
}
