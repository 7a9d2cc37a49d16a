using System;
using System.Globalization;
using System.Net;

namespace Omote
{
    /// <summary>Where to connect to: `tcp://host:port`.</summary>
    internal sealed class Endpoint
    {
        private const string Scheme = "tcp://";

        private Endpoint(string host, int port)
        {
            Host = host;
            Port = port;
        }

        public string Host { get; }

        public int Port { get; }

        /// <summary>True where the sender is on this machine, so that its monotonic clock is ours.</summary>
        public bool IsLoopback => Host == "localhost" || IPAddress.TryParse(Host, out IPAddress address) && IPAddress.IsLoopback(address);

        public override string ToString() => Scheme + (Host.IndexOf(':') < 0 ? Host : "[" + Host + "]") + ":" + Port;

        public static Endpoint Parse(string text)
        {
            if (text == null || !text.StartsWith(Scheme, StringComparison.Ordinal)) throw Wrong(text);
            int colon = text.LastIndexOf(':');
            if (colon < Scheme.Length + 1) throw Wrong(text);
            string host = text.Substring(Scheme.Length, colon - Scheme.Length).Trim('[', ']');
            bool isNumber = int.TryParse(text.Substring(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port);
            if (host.Length == 0 || host == "*" || host == "0.0.0.0" || !isNumber || port < 1 || port > 65535) throw Wrong(text);
            return new Endpoint(host, port);
        }

        private static OmoteException Wrong(string text) =>
            new OmoteException("an endpoint reads as tcp://127.0.0.1:5557 (where the sender is, and its port), got \"" + text + "\"");
    }
}
