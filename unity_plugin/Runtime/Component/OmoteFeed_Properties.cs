using UnityEngine;
using UnityEngine.Events;

namespace Omote
{
    public abstract partial class OmoteFeed
    {
        [Tooltip("Where Omote sends from, as tcp://host:port.")]
        [SerializeField] private string _endpoint;

        [Tooltip("The name Omote sends under.")]
        [SerializeField] private string _subject = "omote";

        [Tooltip("Auto: managed, or with a key file the first of libzmq and NetMQ that is there.")]
        [SerializeField] private Transport _transport = Transport.Auto;

        [Tooltip("Only for another machine: the file that `omote keys new NAME` wrote. A relative path starts at "
            + "Application.persistentDataPath. Keep it out of the project.")]
        [SerializeField] private string _keyFile = "";

        [Tooltip("Only for another machine: measures its clock, so that the age of a picture can be told.")]
        [SerializeField] private OmoteControl _control = null;

        [SerializeField] private UnityEvent _onLive = new UnityEvent();
        [SerializeField] private UnityEvent _onStale = new UnityEvent();

        /// <summary>Where Omote sends from, as `tcp://host:port`.</summary>
        public string endpoint
        {
            get { return _endpoint; }
            set { Change(ref _endpoint, value); }
        }

        /// <summary>The name Omote sends under.</summary>
        public string subject
        {
            get { return _subject; }
            set { Change(ref _subject, value); }
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

        /// <summary>What measures the clock of another machine; null on this one.</summary>
        public OmoteControl control
        {
            get { return _control; }
            set { _control = value; }
        }

        /// <summary>Something comes again, or for the first time.</summary>
        public UnityEvent onLive => _onLive;

        /// <summary>Nothing has come for half a second: what is on the screen is no longer live.</summary>
        public UnityEvent onStale => _onStale;

        /// <summary>True while something has come within the last half second.</summary>
        public bool isLive => statistics.State == ReceiverState.Live;

        /// <summary>State, frames a second, ages and gaps at this moment.</summary>
        public Statistics statistics => _receiver == null ? new Statistics { LastError = "", FormatText = "" } : _receiver.GetStatistics();

        /// <summary>What went wrong last; empty where nothing did.</summary>
        public string lastError => _link != null && _link.Failure != "" ? _link.Failure : statistics.LastError;

        internal void Change<T>(ref T setting, T value)
        {
            if (Equals(setting, value)) return;
            setting = value;
            Reconnect();
        }
    }
}
