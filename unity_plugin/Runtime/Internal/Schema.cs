using System.Collections.Generic;

namespace Omote
{
    /// <summary>What the floats of a params payload mean.</summary>
    public sealed class Schema
    {
        internal Schema(IReadOnlyList<string> weights, IReadOnlyList<KeyValuePair<string, int>> fields)
        {
            Weights = weights;
            Fields = fields;
        }

        /// <summary>The ARKit names of the weights, in order.</summary>
        public IReadOnlyList<string> Weights { get; }

        /// <summary>Name and number of floats of each field, in order.</summary>
        public IReadOnlyList<KeyValuePair<string, int>> Fields { get; }
    }
}
