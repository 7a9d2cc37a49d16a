using System.Collections.Generic;

namespace Omote
{
    /// <summary>What a sender says of itself once a second.</summary>
    public sealed class Hello
    {
        internal Hello() { }

        /// <summary>The program's version.</summary>
        public string Omote { get; internal set; } = "";

        /// <summary>The newest version of the wire it speaks.</summary>
        public int Wire { get; internal set; }

        /// <summary>Every picture format that may be subscribed to.</summary>
        public IReadOnlyList<string> Formats { get; internal set; } = new string[0];

        /// <summary>The port of the pictures; 0 where there is none.</summary>
        public int VideoPort { get; internal set; }

        /// <summary>The port of the params; 0 where there is none.</summary>
        public int ParamsPort { get; internal set; }

        /// <summary>The port of control; 0 where there is none.</summary>
        public int ControlPort { get; internal set; }

        /// <summary>What control answers.</summary>
        public IReadOnlyList<string> Methods { get; internal set; } = new string[0];
    }
}
