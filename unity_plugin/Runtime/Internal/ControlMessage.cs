using System.Collections.Generic;

namespace Omote
{
    /// <summary>Requests and replies as they travel.</summary>
    internal static class ControlMessage
    {
        public const int Version = 1;

        /// <summary>The bytes of a request; OmoteException where an argument cannot travel.</summary>
        public static byte[] EncodeRequest(ulong id, string method, IDictionary<string, object> arguments)
        {
            MessagePackWriter writer = new MessagePackWriter(Message.MaxControlBytes);
            writer.WriteMap(arguments == null ? 3 : 4);
            writer.WriteText("v");
            writer.WriteUInt64(Version);
            writer.WriteText("id");
            writer.WriteUInt64(id);
            writer.WriteText("method");
            writer.WriteText(method);
            if (arguments != null) WriteArguments(writer, arguments);
            byte[] bytes = new byte[writer.Length];
            System.Buffer.BlockCopy(writer.Bytes, 0, bytes, 0, bytes.Length);
            return bytes;
        }

        /// <summary>The reply in this message, whose Method is empty; WireException where it is none.</summary>
        public static ControlReply DecodeReply(Message message)
        {
            if (message.Count != 1) throw new WireException("a reply has 1 part, got " + message.Count);
            Dictionary<string, object> said = Read(message[0]);
            CheckVersion(said);
            ulong id = Id(said);
            if (said.TryGetValue("error", out object error)) return DecodeError(id, error as Dictionary<string, object>);
            said.TryGetValue("result", out object result);
            if (!(result is Dictionary<string, object>)) throw new WireException("a reply has 'result' or 'error', a map");
            return new ControlReply(id, "", (Dictionary<string, object>)result);
        }

        private static void WriteArguments(MessagePackWriter writer, IDictionary<string, object> arguments)
        {
            writer.WriteText("with");
            writer.WriteMap(arguments.Count);
            foreach (KeyValuePair<string, object> argument in arguments)
            {
                writer.WriteText(argument.Key);
                writer.WriteValue(argument.Value);
            }
        }

        private static Dictionary<string, object> Read(MessagePart part)
        {
            if (part.Length > Message.MaxControlBytes)
                throw new WireException("a reply has at most " + Message.MaxControlBytes + " bytes, got " + part.Length);
            MessagePackReader reader = new MessagePackReader();
            reader.Reset(part.Bytes, (int)part.Length);
            Dictionary<string, object> said = MessagePackTree.ReadMap(reader);
            reader.End();
            return said;
        }

        private static void CheckVersion(Dictionary<string, object> said)
        {
            said.TryGetValue("v", out object version);
            if (!(version is long) || (long)version < 1) throw new WireException("a reply says its version, 'v': " + Version);
            if ((long)version > Version)
                throw new WireException("control version " + version + " is newer than " + Version + ", the newest known here; update this client");
        }

        private static ulong Id(Dictionary<string, object> said)
        {
            said.TryGetValue("id", out object id);
            if (id is ulong) return (ulong)id;
            if (id is long && (long)id >= 0) return (ulong)(long)id;
            throw new WireException("'id' must be a whole number from 0");
        }

        private static ControlReply DecodeError(ulong id, Dictionary<string, object> error)
        {
            object code = null, message = null;
            error?.TryGetValue("code", out code);
            error?.TryGetValue("message", out message);
            if (!(code is string) || (string)code == "" || !(message is string))
                throw new WireException("an 'error' has 'code' and 'message', texts");
            return new ControlReply(id, "", (string)code, (string)message);
        }
    }
}
