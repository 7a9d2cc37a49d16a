using System;
using UnityEngine;
using UnityEngine.Events;

namespace Omote
{
    public sealed partial class OmoteControl
    {
        [Tooltip("Where Omote takes requests, as tcp://host:port.")]
        [SerializeField] private string _endpoint = ReceiverSettings.DefaultControl;

        [Tooltip("Auto: managed, or with a key file the first of libzmq and NetMQ that is there.")]
        [SerializeField] private Transport _transport = Transport.Auto;

        [Tooltip("Only for another machine: the file that `omote keys new NAME` wrote. A relative path starts at "
            + "Application.persistentDataPath. Keep it out of the project.")]
        [SerializeField] private string _keyFile = "";

        [Tooltip("Omote has answered: for the first time, or again.")]
        [SerializeField] private UnityEvent _onConnected = new UnityEvent();

        [Tooltip("A request was done; the text is its method.")]
        [SerializeField] private TextEvent _onReply = new TextEvent();

        [Tooltip("A request was refused or not answered; the text says why.")]
        [SerializeField] private TextEvent _onError = new TextEvent();

        /// <summary>Every answer, with what it says; on the main thread.</summary>
        public event Action<ControlReply> replied;

        /// <summary>An event that hands on a text.</summary>
        [Serializable]
        public sealed class TextEvent : UnityEvent<string> { }

        /// <summary>Where Omote takes requests, as `tcp://host:port`.</summary>
        public string endpoint
        {
            get { return _endpoint; }
            set { Change(ref _endpoint, value); }
        }

        /// <summary>What carries the bytes.</summary>
        public Transport transport
        {
            get { return _transport; }
            set { Change(ref _transport, value); }
        }

        /// <summary>The client key file; empty: no encryption. A relative path starts at Application.persistentDataPath.</summary>
        public string keyFile
        {
            get { return _keyFile; }
            set { Change(ref _keyFile, value); }
        }

        /// <summary>Omote has answered: for the first time, or again.</summary>
        public UnityEvent onConnected => _onConnected;

        /// <summary>A request was done; the text is its method.</summary>
        public TextEvent onReply => _onReply;

        /// <summary>A request was refused or not answered; the text says why.</summary>
        public TextEvent onError => _onError;

        /// <summary>Every call with its arguments and its answer, which comes in an update on the main thread.</summary>
        public ControlClient client => _client;

        /// <summary>True while a connection stands through which Omote has answered.</summary>
        public bool isConnected => _hasAnswered && _client.IsConnected;

        /// <summary>The offset of Omote's clock; null until it was measured. Set on receivers by their `control`.</summary>
        public ClockReading clock => _client.Clock;

        /// <summary>What went wrong last; empty where nothing did.</summary>
        public string lastError => _link != null && _link.Failure != "" ? _link.Failure : _client.LastError;

        private void Change<T>(ref T setting, T value)
        {
            if (Equals(setting, value)) return;
            setting = value;
            Reconnect();
        }
    }
}
