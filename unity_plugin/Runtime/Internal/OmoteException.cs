using System;

namespace Omote
{
    /// <summary>Something that waiting cannot cure: a setting, a key file or a library; the message names the cure.</summary>
    public sealed class OmoteException : Exception
    {
        public OmoteException(string message) : base(message) { }

        public OmoteException(string message, Exception cause) : base(message, cause) { }
    }
}
