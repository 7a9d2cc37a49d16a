using System;
using System.Collections.Generic;
using System.Text;

namespace Omote
{
    /// <summary>Finds ARKit's names in the names that a mesh gives its blend shapes.</summary>
    /// <remarks>
    /// A name is cut into words where case, letters and digits, or a sign between them change: `blendShape1.jawOpen`,
    /// `A25_Jaw_Open` and `JawOpen` all hold the words of `jawOpen` one after another. A word `L` or `R` is a side. Words of a face that
    /// follow make it another movement: `mouthLeftUp` is not `mouthLeft`.
    /// </remarks>
    internal static class ShapeNames
    {
        /// <summary>For each ARKit name, the mesh's shapes that mean it: none, one, or a left and a right half.</summary>
        public static List<int>[] Match(IReadOnlyList<string> arkit, IReadOnlyList<string> shapes)
        {
            var found = new List<int>[arkit.Count];
            var fewest = new int[arkit.Count];
            for (int i = 0; i < arkit.Count; i++)
            {
                found[i] = new List<int>();
                fewest[i] = int.MaxValue;
            }
            for (int shape = 0; shape < shapes.Count; shape++)
            {
                var words = new Words(shapes[shape]);
                int name = LongestIn(words, arkit);
                if (name < 0) continue;
                // The plainest wins: `jawOpen` over `jawOpen_fix`, which an artist's rig drives by itself.
                if (words.Count > fewest[name]) continue;
                if (words.Count < fewest[name]) found[name].Clear();
                fewest[name] = words.Count;
                found[name].Add(shape);
            }
            return found;
        }

        /// <summary>True where two names differ in case, signs and the spelling of sides only.</summary>
        public static bool AreSame(string a, string b)
        {
            return new Words(a).Letters == new Words(b).Letters;
        }

        /// <summary>A name in lower case without its signs, sides spelled out.</summary>
        public static string Letters(string name) { return new Words(name).Letters; }

        /// <summary>The same, and what is left of it without its first word, its first two, and so on.</summary>
        public static IEnumerable<string> Endings(string name) { return new Words(name).Endings(); }

        private static int LongestIn(Words words, IReadOnlyList<string> arkit)
        {
            int best = -1;
            for (int i = 0; i < arkit.Count; i++)
            {
                bool isLonger = best < 0 || arkit[i].Length > arkit[best].Length;
                if (isLonger && words.Hold(arkit[i].ToLowerInvariant())) best = i;
            }
            return best;
        }

        /// <summary>A name in lower case without its signs, and where its words begin and end.</summary>
        private sealed class Words
        {
            public readonly string Letters;

            // What names of ARKit are made of: a shape whose name goes on with one of these is another one.
            private static readonly HashSet<string> _faceWords = new HashSet<string>(
                ("eye blink look down in left out up squint wide right jaw forward back open mouth close funnel pucker smile frown dimple stretch "
                + "roll lower upper shrug press brow inner outer cheek puff suck nose sneer tongue").Split(' '));

            private readonly SortedSet<int> _borders = new SortedSet<int> { 0 };

            public int Count => _borders.Count - 1;

            public Words(string name)
            {
                var letters = new StringBuilder();
                int start = 0;
                for (int i = 1; i <= name.Length; i++)
                {
                    if (i < name.Length && !IsBorder(name, i)) continue;
                    letters.Append(Spelled(name.Substring(start, i - start)));
                    _borders.Add(letters.Length);
                    start = i;
                }
                Letters = letters.ToString();
            }

            public bool Hold(string wanted)
            {
                for (int at = 0; (at = Letters.IndexOf(wanted, at, StringComparison.Ordinal)) >= 0; at++)
                {
                    int end = at + wanted.Length;
                    if (_borders.Contains(at) && _borders.Contains(end) && !GoesOn(wanted, end)) return true;
                }
                return false;
            }

            public IEnumerable<string> Endings()
            {
                foreach (int border in _borders)
                    if (border < Letters.Length) yield return Letters.Substring(border);
            }

            // A shape that ARKit does not divide may be divided into a left and a right half.
            private bool GoesOn(string wanted, int end)
            {
                bool hasSide = wanted.EndsWith("left", StringComparison.Ordinal) || wanted.EndsWith("right", StringComparison.Ordinal);
                int start = end;
                foreach (int border in _borders)
                {
                    if (border <= end) continue;
                    string word = Letters.Substring(start, border - start);
                    bool isHalf = !hasSide && start == end && (word == "left" || word == "right");
                    if (_faceWords.Contains(word) && !isHalf) return true;
                    start = border;
                }
                return false;
            }

            private static bool IsBorder(string name, int i)
            {
                char before = name[i - 1], here = name[i];
                if (char.IsLetter(before) != char.IsLetter(here)) return true;
                return char.IsLower(before) && char.IsUpper(here);
            }

            private static string Spelled(string word)
            {
                if (!char.IsLetterOrDigit(word[0])) return "";
                string lower = word.ToLowerInvariant();
                return lower == "l" ? "left" : lower == "r" ? "right" : lower;
            }
        }
    }
}
