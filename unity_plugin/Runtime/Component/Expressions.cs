using System;
using System.Collections.Generic;

namespace Omote
{
    /// <summary>The expressions that the performer makes, and word of each that begins and ends.</summary>
    internal sealed class Expressions
    {
        private static readonly string[] _nothing = new string[0];

        private IReadOnlyList<string> _now = _nothing;

        public IReadOnlyList<string> Now => _now;

        /// <summary>Tells of what has ended, then of what has begun.</summary>
        public void Follow(IReadOnlyList<string> recognised, Action<string> onBegan, Action<string> onEnded)
        {
            IReadOnlyList<string> before = _now;
            if (ReferenceEquals(before, recognised)) return;
            _now = recognised; // before anybody is told, who may ask, or switch this off
            Tell(before, recognised, onEnded);
            if (ReferenceEquals(_now, recognised)) Tell(recognised, before, onBegan);
        }

        /// <summary>Nothing comes any more: all that was is over.</summary>
        public void Rest(Action<string> onEnded) { Follow(_nothing, onEnded, onEnded); }

        private static void Tell(IReadOnlyList<string> names, IReadOnlyList<string> others, Action<string> onEach)
        {
            for (int i = 0; i < names.Count; i++)
                if (!Has(others, names[i])) onEach(names[i]);
        }

        private static bool Has(IReadOnlyList<string> names, string name)
        {
            for (int i = 0; i < names.Count; i++)
                if (names[i] == name) return true;
            return false;
        }
    }
}
