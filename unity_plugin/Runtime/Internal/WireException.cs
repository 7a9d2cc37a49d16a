using System;

namespace Omote
{
    /// <summary>These bytes are no message of our wire; the sentence says what was found and what was wanted.</summary>
    public sealed class WireException : Exception
    {
        public WireException(string message) : base(message) { }
    }
}
