using System;
using System.Net;
using System.Net.Sockets;

namespace Omote
{
    /// <summary>A TCP connection all of whose waits are short slices, so that it can be given up at any time.</summary>
    internal sealed class TcpLink : IDisposable
    {
        private const int SliceMs = 20;
        private const int ConnectMs = 3000;
        private const int SendMs = 2000;
        private const long NsPerMs = 1000000;

        private readonly Func<bool> _isCancelled;
        private readonly Socket _socket;

        private TcpLink(Socket socket, Func<bool> isCancelled)
        {
            _socket = socket;
            _isCancelled = isCancelled;
        }

        /// <summary>Connects to the first of the host's addresses that answers; LinkException where none does.</summary>
        public static TcpLink Connect(Endpoint endpoint, Func<bool> isCancelled)
        {
            LinkException failure = new LinkException(endpoint + ": the host has no address");
            foreach (IPAddress address in Addresses(endpoint.Host, isCancelled))
            {
                try
                {
                    return Connect(new IPEndPoint(address, endpoint.Port), isCancelled);
                }
                catch (LinkException error)
                {
                    failure = new LinkException(endpoint + ": " + error.Message + "; is Omote running, and the port right?");
                }
            }
            throw failure;
        }

        /// <summary>Whether something can be read within this time; false, too, once cancelled.</summary>
        public bool WaitReadable(int timeoutMs)
        {
            long deadlineNs = Clock.NowNs() + timeoutMs * NsPerMs;
            do
            {
                if (_isCancelled()) return false;
                if (Poll(Math.Min(SliceMs, timeoutMs), SelectMode.SelectRead)) return true;
            }
            while (Clock.NowNs() < deadlineNs);
            return false;
        }

        /// <summary>Reads what is there, at least one byte; only after WaitReadable.</summary>
        public int Receive(byte[] bytes, int offset, int count)
        {
            int read = _socket.Receive(bytes, offset, count, SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock) return 0;
            if (error != SocketError.Success) throw new LinkException("the connection broke: " + error);
            if (read == 0) throw new LinkException("the sender closed the connection");
            return read;
        }

        /// <summary>Sends bytes[from..to].</summary>
        public void Send(byte[] bytes, int from, int to)
        {
            int sent = from;
            long deadlineNs = Clock.NowNs() + SendMs * NsPerMs;
            while (sent < to)
            {
                if (_isCancelled()) throw new LinkException("stopped");
                if (Clock.NowNs() > deadlineNs) throw new LinkException("the sender takes nothing in");
                if (!Poll(SliceMs, SelectMode.SelectWrite)) continue;
                sent += _socket.Send(bytes, sent, to - sent, SocketFlags.None, out SocketError error);
                if (error != SocketError.Success && error != SocketError.WouldBlock) throw new LinkException("the connection broke: " + error);
            }
        }

        public void Dispose() => _socket.Close();

        private static IPAddress[] Addresses(string host, Func<bool> isCancelled)
        {
            if (host == "localhost") return new[] { IPAddress.Loopback, IPAddress.IPv6Loopback };
            if (IPAddress.TryParse(host, out IPAddress address)) return new[] { address };
            IAsyncResult lookup = Dns.BeginGetHostAddresses(host, null, null);
            for (int waitedMs = 0; waitedMs < ConnectMs && !isCancelled(); waitedMs += SliceMs)
                if (lookup.AsyncWaitHandle.WaitOne(SliceMs)) return Found(host, lookup);
            throw new LinkException("the name " + host + " was not found in " + ConnectMs + " ms");
        }

        private static IPAddress[] Found(string host, IAsyncResult lookup)
        {
            try
            {
                return Dns.EndGetHostAddresses(lookup);
            }
            catch (SocketException error)
            {
                throw new LinkException("the name " + host + " was not found: " + error.Message);
            }
        }

        private static TcpLink Connect(IPEndPoint address, Func<bool> isCancelled)
        {
            TcpLink link = new TcpLink(Open(address.AddressFamily), isCancelled);
            try
            {
                link._socket.Blocking = false;
                link._socket.NoDelay = true;
                link.StartConnect(address);
                link.WaitConnected();
                return link;
            }
            catch (Exception error) when (error is LinkException || error is SocketException)
            {
                link.Dispose();
                throw new LinkException(error.Message);
            }
        }

        // A system without IPv6, or one that has run out of sockets, gives none.
        private static Socket Open(AddressFamily family)
        {
            try
            {
                return new Socket(family, SocketType.Stream, ProtocolType.Tcp);
            }
            catch (SocketException error)
            {
                throw new LinkException(error.Message);
            }
        }

        private void StartConnect(IPEndPoint address)
        {
            try
            {
                _socket.Connect(address);
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.WouldBlock || error.SocketErrorCode == SocketError.InProgress)
            {
                // It goes on by itself; WaitConnected waits for it.
            }
        }

        // Windows tells a refused connection by SelectError, all others by SelectWrite and the error option.
        private void WaitConnected()
        {
            for (int waitedMs = 0; waitedMs < ConnectMs; waitedMs += SliceMs)
            {
                if (_isCancelled()) throw new LinkException("stopped");
                bool isDecided = Poll(SliceMs, SelectMode.SelectWrite) || Poll(0, SelectMode.SelectError);
                if (!isDecided) continue;
                int error = (int)_socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error);
                if (error != 0) throw new SocketException(error);
                return;
            }
            throw new LinkException("no answer in " + ConnectMs + " ms");
        }

        private bool Poll(int timeoutMs, SelectMode mode)
        {
            try
            {
                return _socket.Poll(1000 * timeoutMs, mode);
            }
            catch (SocketException error)
            {
                throw new LinkException("the connection broke: " + error.Message);
            }
        }
    }
}
