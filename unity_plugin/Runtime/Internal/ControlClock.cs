namespace Omote
{
    /// <summary>Measures Omote's clock by its `clock` method, anew every ten seconds; belongs to the control thread.</summary>
    internal sealed class ControlClock
    {
        private const long PeriodNs = 10000000000;
        private const long PatienceNs = 1000000000;
        private const ulong FirstId = 1UL << 63; // apart from the ids of calls, which count from 1

        private readonly ClockMeasurement _measurement = new ClockMeasurement();
        private volatile ClockReading _reading;
        private ulong _id = FirstId;
        private bool _isWaiting;
        private long _askedNs;
        private long _nextNs = long.MinValue;

        /// <summary>The last that was measured; null before the first.</summary>
        public ClockReading Reading => _reading;

        /// <summary>Asks where it is time to.</summary>
        public void Turn(ISocket socket)
        {
            long nowNs = Clock.NowNs();
            if (_isWaiting && nowNs - _askedNs > PatienceNs) Rest(nowNs);
            if (!socket.IsConnected) _nextNs = nowNs; // it may be another session that comes next
            if (_isWaiting || nowNs < _nextNs || !socket.IsConnected) return;
            byte[] request = ControlMessage.EncodeRequest(++_id, "clock", null);
            _askedNs = Clock.NowNs();
            _isWaiting = socket.TrySend(request, request.Length);
        }

        /// <summary>Takes the reply where it is the one waited for.</summary>
        public bool Take(ControlReply reply, long arrivedNs)
        {
            if (reply.Id < FirstId) return false;
            if (!_isWaiting || reply.Id != _id) return true; // it came too late to say anything
            _isWaiting = false;
            if (reply.IsOk) _measurement.Add(reply.GetInteger("session"), _askedNs, reply.GetInteger("received"), arrivedNs);
            if (!reply.IsOk) Rest(arrivedNs);
            else if (_measurement.IsDone) Finish(arrivedNs);
            return true;
        }

        private void Finish(long nowNs)
        {
            _reading = _measurement.Best;
            Rest(nowNs);
        }

        private void Rest(long nowNs)
        {
            _isWaiting = false;
            _measurement.Begin();
            _nextNs = nowNs + PeriodNs;
        }
    }
}
