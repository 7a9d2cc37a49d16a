using System;
using System.Text;

namespace Omote
{
    /// <summary>What both sides of ZMTP 3.0 say before the first message: the greeting, then READY.</summary>
    internal static class ZmtpHandshake
    {
        public const int GreetingBytes = 64;

        /// <summary>So much of a greeting says which version it is; the other side then says all of its own.</summary>
        public const int VersionBytes = 11;

        private const int SignatureEnd = 9, Major = 10, Mechanism = 12, MechanismBytes = 20;
        private const string Null = "NULL";
        private const string SocketType = "Socket-Type";

        /// <summary>Version 3.0, no encryption, not a server.</summary>
        public static byte[] Greeting()
        {
            byte[] greeting = new byte[GreetingBytes];
            greeting[0] = 0xFF;
            greeting[SignatureEnd] = 0x7F;
            greeting[Major] = 3;
            Encoding.ASCII.GetBytes(Null, 0, Null.Length, greeting, Mechanism);
            return greeting;
        }

        /// <summary>Throws LinkException where the other side speaks no ZMTP 3, or wants encryption.</summary>
        public static void CheckGreeting(byte[] greeting)
        {
            if (greeting[0] != 0xFF || greeting[SignatureEnd] != 0x7F)
                throw new LinkException("what answers there does not speak ZeroMQ");
            if (greeting[Major] < 3) throw new LinkException("the other side speaks ZMTP " + greeting[Major] + ", wanted 3 or newer");
            string mechanism = Encoding.ASCII.GetString(greeting, Mechanism, MechanismBytes).TrimEnd('\0');
            if (mechanism == "CURVE")
                throw new LinkException("the sender wants CURVE encryption: name a key file (omote keys new NAME writes it) and have libzmq or NetMQ present");
            if (mechanism != Null) throw new LinkException("the sender wants the mechanism " + mechanism + ", wanted " + Null);
        }

        public static byte[] Ready(SocketRole role)
        {
            string type = role == SocketRole.Subscriber ? "SUB" : "DEALER";
            byte[] body = new byte[6 + 1 + SocketType.Length + 4 + type.Length];
            body[0] = 5;
            Encoding.ASCII.GetBytes("READY", 0, 5, body, 1);
            body[6] = (byte)SocketType.Length;
            int at = 7 + Encoding.ASCII.GetBytes(SocketType, 0, SocketType.Length, body, 7);
            body[at + 3] = (byte)type.Length;
            Encoding.ASCII.GetBytes(type, 0, type.Length, body, at + 4);
            return body;
        }

        /// <summary>Throws LinkException where the other side's answer is not READY, or it is no socket for this role.</summary>
        public static void CheckReady(byte[] command, int length, SocketRole role)
        {
            if (Is(command, length, "ERROR")) throw new LinkException("the sender refused: " + Rest(command, length));
            if (!Is(command, length, "READY")) throw new LinkException("wanted READY, got another command of " + length + " bytes");
            string type = Property(command, length, SocketType);
            bool fits = role == SocketRole.Subscriber ? type == "PUB" || type == "XPUB" : type == "ROUTER" || type == "DEALER" || type == "REP";
            if (!fits)
                throw new LinkException((role == SocketRole.Subscriber ? "pictures and params come from a PUB" : "control is a ROUTER")
                    + " socket, but there is a " + type + " socket at this endpoint: is it the right port?");
        }

        /// <summary>Whether a command has this name.</summary>
        public static bool Is(byte[] command, int length, string name)
        {
            if (length < 1 + name.Length || command[0] != name.Length) return false;
            for (int i = 0; i < name.Length; i++)
                if (command[1 + i] != name[i]) return false;
            return true;
        }

        private static string Rest(byte[] command, int length)
        {
            int at = Math.Min(length, 7);
            return Encoding.ASCII.GetString(command, at, length - at);
        }

        private static string Property(byte[] command, int length, string wanted)
        {
            int at = 6;
            while (at < length)
            {
                int nameLength = command[at++];
                if (length - at < nameLength + 4) break;
                string name = Encoding.ASCII.GetString(command, at, nameLength);
                at += nameLength;
                long valueLength = (long)command[at] << 24 | (long)command[at + 1] << 16 | (long)command[at + 2] << 8 | command[at + 3];
                at += 4;
                if (valueLength > length - at) break;
                if (string.Equals(name, wanted, StringComparison.OrdinalIgnoreCase)) return Encoding.ASCII.GetString(command, at, (int)valueLength);
                at += (int)valueLength;
            }
            throw new LinkException("the other side's READY says no " + wanted);
        }
    }
}
