using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Omote
{
    /// <summary>A running Omote that answers on this machine, and where it sends from.</summary>
    public sealed class Sender
    {
        internal Sender() { }

        /// <summary>A name for people: that of its machine.</summary>
        public string Name { get; internal set; } = "";

        /// <summary>The name it sends under.</summary>
        public string Subject { get; internal set; } = "";

        /// <summary>One run of one sender.</summary>
        public ulong Session { get; internal set; }

        /// <summary>Where pictures come from; empty where there are none.</summary>
        public string Video { get; internal set; } = "";

        /// <summary>Where faces come from; empty where there are none.</summary>
        public string Params { get; internal set; } = "";

        /// <summary>Where requests go; empty where none are answered.</summary>
        public string Control { get; internal set; } = "";

        /// <summary>True where a key file is needed.</summary>
        public bool IsEncrypted { get; internal set; }
    }

    /// <summary>Lists the senders of this machine: asks UDP ports 5540 to 5555 of 127.0.0.1, as WIRE.md says.</summary>
    public static class Discovery
    {
        private const int FirstPort = 5540, Ports = 16, MaxBytes = 1024;
        private const long NsPerMs = 1000000;

        private static readonly byte[] _question = Encoding.ASCII.GetBytes("omote? 1");

        /// <summary>The senders that answer in this time, which it takes as a whole; empty where none does.</summary>
        public static List<Sender> Find(int timeoutMs = 300)
        {
            var answers = new SortedDictionary<int, Sender>(); // by port: one each, whatever the program at it sends
            using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
                for (int port = FirstPort; port < FirstPort + Ports; port++) Ask(socket, port);
                byte[] bytes = new byte[MaxBytes + 1];
                long deadlineNs = Clock.NowNs() + timeoutMs * NsPerMs;
                for (long leftMs = timeoutMs; leftMs > 0; leftMs = (deadlineNs - Clock.NowNs()) / NsPerMs)
                {
                    Sender sender = Answer(socket, bytes, (int)leftMs, out int port);
                    if (sender != null) answers[port] = sender;
                }
            }
            var found = new List<Sender>();
            foreach (Sender sender in answers.Values)
                if (!found.Exists(each => each.Session == sender.Session)) found.Add(sender);
            found.Sort((a, b) => string.CompareOrdinal(a.Name + a.Video, b.Name + b.Video));
            return found;
        }

        /// <summary>What a sender says of itself; WireException where it is none.</summary>
        internal static Sender Decode(byte[] bytes, int length)
        {
            if (length > MaxBytes) throw new WireException("an announcement has at most " + MaxBytes + " bytes, got " + length);
            var reader = new MessagePackReader();
            reader.Reset(bytes, length);
            var said = new ControlReply(0, "", MessagePackTree.ReadMap(reader));
            reader.End();
            if (said.GetInteger("v") != 1) throw new WireException("the announcement has another version than 1");
            if (!said.Result.TryGetValue("curve", out object curve) || !(curve is bool)) throw new WireException("'curve' must be true or false");
            return new Sender
            {
                Name = Printable(said.GetText("name")),
                Subject = Printable(said.GetText("subject")),
                Session = said.GetInteger("session"),
                Video = Checked(said.GetText("video")),
                Params = Checked(said.GetText("params")),
                Control = Checked(said.GetText("control")),
                IsEncrypted = (bool)curve,
            };
        }

        private static void Ask(Socket socket, int port)
        {
            try
            {
                socket.SendTo(_question, new IPEndPoint(IPAddress.Loopback, port));
            }
            catch (SocketException) { } // on some systems a port where nobody listens is an error
        }

        private static Sender Answer(Socket socket, byte[] bytes, int timeoutMs, out int port)
        {
            port = 0;
            EndPoint from = new IPEndPoint(IPAddress.Loopback, 0);
            try
            {
                if (!socket.Poll(timeoutMs * 1000, SelectMode.SelectRead)) return null;
                int length = socket.ReceiveFrom(bytes, ref from);
                port = ((IPEndPoint)from).Port;
                bool isAsked = IPAddress.IsLoopback(((IPEndPoint)from).Address) && port >= FirstPort && port < FirstPort + Ports;
                return isAsked ? Decode(bytes, length) : null;
            }
            catch (SocketException)
            {
                return null;
            }
            catch (WireException) // another program of this machine
            {
                return null;
            }
        }

        private static string Checked(string endpoint)
        {
            try
            {
                return endpoint.Length == 0 ? "" : Endpoint.Parse(endpoint).ToString();
            }
            catch (OmoteException error)
            {
                throw new WireException(error.Message);
            }
        }

        private static string Printable(string text)
        {
            foreach (char each in text)
                if (char.IsControl(each)) throw new WireException("an announcement's texts must be printable");
            return text;
        }
    }
}
