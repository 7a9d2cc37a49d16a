using UnityEngine;

namespace Omote
{
    /// <summary>What everything that listens to Omote has in common: a connection, its state, and word when it goes still.</summary>
    /// <remarks>It connects in the first update in which it is on, and stops when it is switched off.</remarks>
    public abstract partial class OmoteFeed : MonoBehaviour
    {
        private Receiver _receiver;
        private Link _link;
        private string _startedWith = "";
        private bool _wasLive;

        internal OmoteFeed(string usualEndpoint) { _endpoint = usualEndpoint; }

        /// <summary>Stops and starts again, with the settings as they are now.</summary>
        public void Reconnect()
        {
            if (_link != null) _link.Close();
        }

        protected virtual void OnDisable()
        {
            Reconnect();
            _wasLive = false;
        }

        // In the editor: something was changed in the inspector.
        protected virtual void OnValidate()
        {
            if (_link != null && _startedWith != Describe(Settings())) Reconnect();
        }

        /// <summary>The running receiver; null where it cannot run.</summary>
        internal Receiver Open()
        {
            if (_link == null)
            {
                _receiver = new Receiver();
                _link = new Link(this, _receiver, StartReceiver);
            }
            if (!_link.Open()) return null;
            // The age of what another machine sends is known by its clock, which control measures.
            if (_control != null) _receiver.Clock = _control.clock;
            return _receiver;
        }

        /// <summary>Tells of live turning stale, and of the way back.</summary>
        internal void Watch()
        {
            if (isLive == _wasLive) return;
            _wasLive = isLive;
            OnLiveChanged(_wasLive);
            (_wasLive ? _onLive : _onStale).Invoke();
        }

        internal virtual void OnLiveChanged(bool isLiveNow) { }

        internal abstract void Choose(ReceiverSettings settings);

        private void StartReceiver()
        {
            ReceiverSettings settings = Settings();
            _startedWith = Describe(settings);
            settings.KeyFile = Link.KeyPath(_keyFile);
            _receiver.Start(settings);
        }

        private static string Describe(ReceiverSettings s)
        {
            return $"{s.Endpoint} {s.Subject} {s.Transport} {s.KeyFile} {s.Format}";
        }

        private ReceiverSettings Settings()
        {
            var settings = new ReceiverSettings
            {
                Endpoint = _endpoint,
                Subject = _subject,
                Transport = _transport,
                KeyFile = _keyFile,
            };
            Choose(settings);
            return settings;
        }
    }
}
