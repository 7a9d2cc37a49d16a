using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Omote
{
    /// <summary>A SUB or DEALER socket of the native libzmq, which makes its connection anew by itself and knows CURVE.</summary>
    internal sealed class LibzmqSocket : ISocket
    {
        private const int MessageBytes = 64; // sizeof(zmq_msg_t)
        private const int SliceMs = 50;
        private const int DealerSliceMs = 5; // its thread also sends
        private const int DontWait = 1;
        private const int MaxParts = 64;
        private const long NsPerMs = 1000000;

        private const long RefusedPauseNs = 2000000000;

        private readonly Libzmq _zmq;
        private readonly string _endpoint;
        private readonly LibzmqMonitor _monitor;
        private IntPtr _context;
        private IntPtr _socket;
        private IntPtr _received;
        private volatile bool _cancelled;
        private long _nextTryNs;

        public LibzmqSocket(SocketOptions options)
        {
            CheckAvailable(options.Keys != null);
            _endpoint = options.Endpoint.ToString();
            _zmq = Libzmq.Find();
            _context = _zmq.NewContext();
            _socket = _zmq.NewSocket(_context, (int)(options.Role == SocketRole.Subscriber ? LibzmqType.Sub : LibzmqType.Dealer));
            _received = Marshal.AllocHGlobal(MessageBytes);
            try
            {
                _zmq.InitMessage(_received);
                _monitor = new LibzmqMonitor(_zmq, _context, _socket, options.Keys != null);
                SetOptions(options);
                Check(_zmq.Connect(_socket, _endpoint), "connect to " + _endpoint);
            }
            catch (OmoteException)
            {
                Dispose();
                throw;
            }
        }

        /// <summary>Whether the library is installed.</summary>
        public static bool IsAvailable => Libzmq.Find() != null;

        public bool IsConnected => _monitor.IsConnected;

        public string LastError => _monitor.LastError;

        /// <summary>OmoteException, with the cure, where the library is not there or knows no CURVE.</summary>
        public static void CheckAvailable(bool isEncrypted)
        {
            Libzmq zmq = Libzmq.Find();
            if (zmq == null)
                throw new OmoteException("the library libzmq was not found: on Windows put libzmq.dll into Assets/Plugins/x86_64, on Debian or Ubuntu"
                    + " install libzmq5, on macOS put libzmq.dylib into Assets/Plugins; without encryption the managed transport needs none");
            if (isEncrypted && zmq.Has("curve") == 0) throw new OmoteException("this libzmq was built without CURVE; install one that has it");
        }

        public bool TryReceive(Message message, int timeoutMs)
        {
            message.Clear();
            long deadlineNs = Clock.NowNs() + timeoutMs * NsPerMs;
            do
            {
                _monitor.Read();
                if (_monitor.WasRefused) TryAgain();
                if (_zmq.Receive(_received, _socket, 0) >= 0) return ReadParts(message);
            }
            while (!_cancelled && Clock.NowNs() < deadlineNs);
            return false;
        }

        public bool TrySend(byte[] bytes, int length) => _zmq.Send(_socket, bytes, (UIntPtr)length, DontWait) >= 0;

        public void Cancel() => _cancelled = true;

        public void Dispose()
        {
            _cancelled = true;
            _monitor?.Dispose();
            if (_received != IntPtr.Zero) Free();
            if (_socket != IntPtr.Zero) _zmq.Close(_socket);
            if (_context != IntPtr.Zero) _zmq.EndContext(_context); // no socket is left and none lingers, so it does not wait
            _socket = _context = IntPtr.Zero;
        }

        private void Free()
        {
            _zmq.CloseMessage(_received);
            Marshal.FreeHGlobal(_received);
            _received = IntPtr.Zero;
        }

        // Whoever was refused may have been let in since, but libzmq does not ask again by itself.
        private void TryAgain()
        {
            if (Clock.NowNs() < _nextTryNs) return;
            _nextTryNs = Clock.NowNs() + RefusedPauseNs;
            _monitor.Forgive();
            _zmq.Disconnect(_socket, _endpoint); // or connecting would do nothing: it believes that it is
            _zmq.Connect(_socket, _endpoint);
        }

        // The parts of a message arrive together: those after the first need no waiting.
        private bool ReadParts(Message message)
        {
            for (int parts = 1; ; parts++)
            {
                Keep(message);
                if (_zmq.More(_received) == 0) return parts <= MaxParts;
                while (_zmq.Receive(_received, _socket, 0) < 0)
                    if (_cancelled) return false;
            }
        }

        private void Keep(Message message)
        {
            long length = (long)_zmq.Size(_received);
            byte[] bytes = message.Add(length);
            if (bytes != null && length > 0) Marshal.Copy(_zmq.Data(_received), bytes, 0, (int)length);
        }

        private void SetOptions(SocketOptions options)
        {
            Set(LibzmqOption.Linger, 0);
            Set(LibzmqOption.ReceiveHighWater, 8);
            Set(LibzmqOption.ReceiveTimeout, options.Role == SocketRole.Dealer ? DealerSliceMs : SliceMs);
            Set(LibzmqOption.Immediate, 1);
            Set(LibzmqOption.ReconnectInterval, 100);
            Set(LibzmqOption.ReconnectIntervalMax, 2000);
            Set(LibzmqOption.HandshakeInterval, 5000);
            Set(LibzmqOption.HeartbeatInterval, 1000);
            Set(LibzmqOption.HeartbeatTimeout, 3000);
            Set(LibzmqOption.TcpKeepalive, 1);
            if (options.Endpoint.Host.IndexOf(':') >= 0) Set(LibzmqOption.IPv6, 1);
            Set(LibzmqOption.MaxMessageSize, BitConverter.GetBytes((long)options.MaxPartBytes));
            if (options.Keys != null) SetKeys(options.Keys);
            foreach (byte[] topic in options.Topics) Set(LibzmqOption.Subscribe, topic);
        }

        private void SetKeys(KeyFile keys)
        {
            Set(LibzmqOption.CurveServerKey, Encoding.ASCII.GetBytes(keys.Server + "\0"));
            Set(LibzmqOption.CurvePublicKey, Encoding.ASCII.GetBytes(keys.Public + "\0"));
            Set(LibzmqOption.CurveSecretKey, Encoding.ASCII.GetBytes(keys.Secret + "\0"));
        }

        private void Set(LibzmqOption option, int value) => Set(option, BitConverter.GetBytes(value));

        private void Set(LibzmqOption option, byte[] value) =>
            Check(_zmq.SetOption(_socket, (int)option, value, (UIntPtr)value.Length), "set " + option);

        private void Check(int result, string what)
        {
            if (result < 0) throw new OmoteException("libzmq cannot " + what + ": " + _zmq.LastError());
        }
    }
}
