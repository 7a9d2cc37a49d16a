using System;
using System.Collections.Generic;

namespace Omote
{
    /// <summary>Keeps answers until the thread that asked comes for them.</summary>
    internal sealed class ControlInbox
    {
        private readonly Queue<KeyValuePair<Action<ControlReply>, ControlReply>> _answers = new Queue<KeyValuePair<Action<ControlReply>, ControlReply>>();

        public void Put(ControlRequest request, ControlReply reply)
        {
            if (request.Done == null) return;
            lock (_answers) _answers.Enqueue(new KeyValuePair<Action<ControlReply>, ControlReply>(request.Done, reply));
        }

        /// <summary>Calls those who wait for what was there when it began: a callback may ask again without end.</summary>
        public void Deliver()
        {
            for (int left = Count(); left > 0 && TryTake(out KeyValuePair<Action<ControlReply>, ControlReply> answer); left--)
                answer.Key(answer.Value);
        }

        private int Count()
        {
            lock (_answers) return _answers.Count;
        }

        private bool TryTake(out KeyValuePair<Action<ControlReply>, ControlReply> answer)
        {
            lock (_answers)
            {
                bool isThere = _answers.Count > 0;
                answer = isThere ? _answers.Dequeue() : default(KeyValuePair<Action<ControlReply>, ControlReply>);
                return isThere;
            }
        }
    }
}
