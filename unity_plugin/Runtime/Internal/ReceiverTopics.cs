using System.Collections.Generic;

namespace Omote
{
    /// <summary>The topics that a receiver asks for, and which of them a message came under.</summary>
    internal sealed class ReceiverTopics
    {
        /// <summary>How many there are at most: one for each kind.</summary>
        public const int Count = 4;

        private static readonly Kinds[] _order = { Kinds.Video, Kinds.Params, Kinds.Schema, Kinds.Hello };

        private readonly byte[][] _topics = new byte[Count][];

        public ReceiverTopics(ReceiverSettings settings)
        {
            for (int i = 0; i < Count; i++)
                if ((settings.Kinds & _order[i]) != 0) _topics[i] = Topic.Of(_order[i], settings.Subject, settings.Format);
            if (Wanted().Length == 0) throw new OmoteException("a receiver asks for at least one kind of message, got none");
        }

        public byte[][] Wanted()
        {
            List<byte[]> wanted = new List<byte[]>();
            foreach (byte[] topic in _topics)
                if (topic != null) wanted.Add(topic);
            return wanted.ToArray();
        }

        public static Kinds KindOf(int index) => _order[index];

        /// <summary>Which of ours it is; -1 where it is another's: a subscription is a prefix, "omote" also brings "omote-2".</summary>
        public int Find(MessagePart part)
        {
            TextSlice found = new TextSlice { Bytes = part.Bytes, Length = (int)part.Length };
            for (int i = 0; i < Count; i++)
                if (_topics[i] != null && found.Is(_topics[i])) return i;
            return -1;
        }
    }
}
