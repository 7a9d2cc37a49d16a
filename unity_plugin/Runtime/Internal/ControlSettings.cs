namespace Omote
{
    /// <summary>Where requests go, and how.</summary>
    public sealed class ControlSettings
    {
        /// <summary>`tcp://host:port`.</summary>
        public string Endpoint = ReceiverSettings.DefaultControl;

        /// <summary>What carries the bytes.</summary>
        public Transport Transport = Transport.Auto;

        /// <summary>The client key file that `omote keys new NAME` wrote; empty: no encryption.</summary>
        public string KeyFile = "";
    }
}
