namespace Omote
{
    /// <summary>Hands the newest value from one thread to another without queueing: three buffers go round.</summary>
    internal sealed class Latest<T> where T : class, new()
    {
        private readonly object _gate;
        private T _middle = new T();
        private T _front = new T();
        private bool _isFresh;
        private long _replaced;

        public Latest(object gate)
        {
            _gate = gate;
        }

        /// <summary>The one to write into; only the writing thread touches it.</summary>
        public T Back { get; private set; } = new T();

        /// <summary>How many were replaced before anybody took them.</summary>
        public long Replaced
        {
            get { lock (_gate) return _replaced; }
        }

        /// <summary>Only to be asked with the gate locked.</summary>
        public bool IsFresh => _isFresh;

        /// <summary>Hands over what was written into Back.</summary>
        public void Put()
        {
            lock (_gate)
            {
                T written = Back;
                Back = _middle;
                _middle = written;
                if (_isFresh) _replaced++;
                _isFresh = true;
                System.Threading.Monitor.PulseAll(_gate);
            }
        }

        /// <summary>The newest, once; it stays as it is until the next is taken.</summary>
        public bool TryTake(out T value)
        {
            lock (_gate)
            {
                value = null;
                if (!_isFresh) return false;
                _isFresh = false;
                value = _middle;
                _middle = _front;
                _front = value;
                return true;
            }
        }
    }
}
