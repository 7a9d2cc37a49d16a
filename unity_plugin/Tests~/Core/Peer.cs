using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;

namespace Omote.Tests
{
    /// <summary>The other end of a ZMTP connection, which a test leads step by step; every wait fails after a minute.</summary>
    internal sealed class Peer : IDisposable
    {
        private const int PatienceMs = 60000; // the test fails after it; it never passes because of it

        private readonly TcpListener _listener;
        private readonly string _type;
        private Socket _socket;

        public Peer(string type, int port = 0)
        {
            _type = type;
            _listener = new TcpListener(IPAddress.Loopback, port);
            _listener.Server.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            _listener.Start();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public string Endpoint => "tcp://127.0.0.1:" + Port;

        public bool HasBytes => _socket.Available > 0;

        /// <summary>Waits for a connection and says nothing.</summary>
        public void AcceptSilently()
        {
            Wait.Until(_listener.Pending);
            _socket?.Close();
            _socket = _listener.AcceptSocket();
            _socket.NoDelay = true;
            _socket.ReceiveTimeout = _socket.SendTimeout = PatienceMs;
        }

        /// <summary>Waits for a connection and shakes hands; the other side's subscriptions are still to be read.</summary>
        public void Accept()
        {
            Greet("NULL");
            Read(64 - 11);
            SendFrame(4, Ready());
            ReadFrame(out int flags);
        }

        /// <summary>Waits for a connection and names its mechanism; as in libzmq, each side says more only when it has heard the beginning of the other's.</summary>
        public void Greet(string mechanism)
        {
            AcceptSilently();
            byte[] greeting = ZmtpHandshake.Greeting();
            Array.Clear(greeting, 12, 20);
            Encoding.ASCII.GetBytes(mechanism, 0, mechanism.Length, greeting, 12);
            Send(greeting.Take(10).ToArray());
            Read(11);
            Send(greeting.Skip(10).ToArray());
        }

        /// <summary>Reads so many subscriptions; returns their topics.</summary>
        public string[] ReadSubscriptions(int count) => Enumerable.Range(0, count).Select(i => ReadSubscription()).ToArray();

        public void SendMessage(params byte[][] parts)
        {
            for (int i = 0; i < parts.Length; i++) SendFrame((byte)(i + 1 < parts.Length ? 1 : 0), parts[i]);
        }

        public void SendFrame(byte flags, byte[] body) => Send(Frame(flags, body));

        public static byte[] Frame(byte flags, byte[] body)
        {
            if (body.Length < 256) return new[] { flags, (byte)body.Length }.Concat(body).ToArray();
            byte[] length = BitConverter.GetBytes((long)body.Length).Reverse().ToArray();
            return new[] { (byte)(flags | 2) }.Concat(length).Concat(body).ToArray();
        }

        /// <summary>The frames of a whole message.</summary>
        public static byte[] Stream(params byte[][] parts) =>
            parts.SelectMany((part, i) => Frame((byte)(i + 1 < parts.Length ? 1 : 0), part)).ToArray();

        public void Send(byte[] bytes)
        {
            for (int sent = 0; sent < bytes.Length;) sent += _socket.Send(bytes, sent, bytes.Length - sent, SocketFlags.None);
        }

        public byte[] ReadFrame(out int flags)
        {
            flags = Read(1)[0];
            int length = (flags & 2) == 0 ? Read(1)[0] : (int)BitConverter.ToInt64(Read(8).Reverse().ToArray(), 0);
            return Read(length);
        }

        /// <summary>Reads the next message, passing over heartbeats.</summary>
        public byte[] ReadMessage()
        {
            byte[] body = ReadFrame(out int flags);
            while ((flags & 4) != 0) body = ReadFrame(out flags);
            return body;
        }

        /// <summary>Ends the connection as a program that is killed does.</summary>
        public void Hang() => _socket.Close();

        public void Dispose()
        {
            _socket?.Close();
            _listener.Stop();
        }

        private string ReadSubscription()
        {
            byte[] body = ReadMessage();
            return body[0] == 1 ? Encoding.ASCII.GetString(body, 1, body.Length - 1) : "no subscription";
        }

        private byte[] Ready()
        {
            List<byte> body = new List<byte> { 5 };
            body.AddRange(Messages.Ascii("READY"));
            body.Add(11);
            body.AddRange(Messages.Ascii("Socket-Type"));
            body.AddRange(new byte[] { 0, 0, 0, (byte)_type.Length });
            body.AddRange(Messages.Ascii(_type));
            return body.ToArray();
        }

        private byte[] Read(int count)
        {
            byte[] bytes = new byte[count];
            for (int done = 0; done < count;)
            {
                int read = _socket.Receive(bytes, done, count - done, SocketFlags.None);
                if (read == 0) throw new InvalidOperationException("the receiver closed the connection");
                done += read;
            }
            return bytes;
        }
    }

    /// <summary>Waits for what must come, and fails after a minute.</summary>
    internal static class Wait
    {
        public static void Until(Func<bool> isSo)
        {
            for (int i = 0; i < 12000; i++)
            {
                if (isSo()) return;
                Thread.Sleep(5);
            }
            throw new InvalidOperationException("waited in vain");
        }
    }
}
