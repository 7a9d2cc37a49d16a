using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Omote
{
    /// <summary>Hears from libzmq whether a socket is connected, and why a handshake was refused.</summary>
    internal sealed class LibzmqMonitor : IDisposable
    {
        private const int Retried = 0x0004, Disconnected = 0x0200, Succeeded = 0x1000;
        private const int FailedNoDetail = 0x0800, FailedProtocol = 0x2000, FailedAuth = 0x4000;
        private const int Wanted = Retried | Disconnected | Succeeded | FailedNoDetail | FailedProtocol | FailedAuth;
        private const int MessageBytes = 64;
        private const int EventBytes = 6; // uint16 event, uint32 value
        private const int WrongKey = 0x11000001, WrongMechanism = 0x11000002; // values of FailedProtocol
        private const int DontWait = 1;

        private static int _count;

        private readonly Libzmq _zmq;
        private readonly IntPtr _pair;
        private readonly bool _hasKeys;
        private IntPtr _received;
        private volatile bool _isConnected;
        private volatile string _lastError = "";

        public LibzmqMonitor(Libzmq zmq, IntPtr context, IntPtr socket, bool hasKeys)
        {
            _zmq = zmq;
            _hasKeys = hasKeys;
            string endpoint = "inproc://omote-monitor-" + Interlocked.Increment(ref _count);
            _zmq.Monitor(socket, endpoint, Wanted);
            _pair = _zmq.NewSocket(context, (int)LibzmqType.Pair);
            _zmq.SetOption(_pair, (int)LibzmqOption.Linger, new byte[4], (UIntPtr)4);
            _zmq.Connect(_pair, endpoint);
            _received = Marshal.AllocHGlobal(MessageBytes);
            _zmq.InitMessage(_received);
        }

        public bool IsConnected => _isConnected;

        public string LastError => _lastError;

        /// <summary>True after the sender refused our key: libzmq then gives up for good.</summary>
        public bool WasRefused { get; private set; }

        /// <summary>To be called when a new connection is begun.</summary>
        public void Forgive() => WasRefused = false;

        /// <summary>Takes in what has happened since; waits for nothing.</summary>
        public void Read()
        {
            while (_zmq.Receive(_received, _pair, DontWait) >= 0)
            {
                bool isEvent = (long)_zmq.Size(_received) == EventBytes;
                int happened = isEvent ? Marshal.ReadInt16(_zmq.Data(_received)) : 0;
                Take(happened, isEvent ? Marshal.ReadInt32(_zmq.Data(_received), 2) : 0);
                while (_zmq.More(_received) != 0)
                    if (_zmq.Receive(_received, _pair, DontWait) < 0) return;
            }
        }

        public void Dispose()
        {
            _isConnected = false;
            if (_received == IntPtr.Zero) return;
            _zmq.CloseMessage(_received);
            Marshal.FreeHGlobal(_received);
            _received = IntPtr.Zero;
            _zmq.Close(_pair);
        }

        private void Take(int happened, int value)
        {
            string error = Explain(happened, value);
            if (error.Length > 0) _lastError = error;
            if (happened == FailedAuth) WasRefused = true;
            if (happened != 0) _isConnected = happened == Succeeded;
        }

        private string Explain(int happened, int value)
        {
            if (happened == FailedAuth)
                return "the sender does not know this key: it was removed there, or never added; omote keys new NAME there makes a key file";
            if (happened == FailedProtocol && value == WrongMechanism)
                return _hasKeys
                    ? "the sender is not encrypted, and a key file is named here: start it with --curve, or name no key file here"
                    : "the sender is encrypted, and no key file is named here: omote keys new NAME there makes one";
            if (happened == FailedProtocol && value == WrongKey) return "the key file is of another Omote: its server key does not fit";
            if (happened == FailedProtocol || happened == FailedNoDetail)
                return "what listens there hung up during the handshake, and may be no Omote; or " + (_hasKeys
                    ? "the key file is of another Omote: omote keys new NAME there makes one that fits"
                    : "it is encrypted, and no key file is named here: omote keys new NAME there makes one");
            if (happened == Disconnected && _isConnected) return "the sender closed the connection";
            return happened == Retried && _lastError.Length == 0 ? "nobody answers there; is Omote running, and the port right?" : "";
        }
    }
}
