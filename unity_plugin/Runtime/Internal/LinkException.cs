using System;

namespace Omote
{
    /// <summary>A connection that cannot go on; connecting again may cure it.</summary>
    internal sealed class LinkException : Exception
    {
        public LinkException(string message) : base(message) { }
    }
}
