using System;
using System.Collections.Generic;

namespace Omote
{
    /// <summary>VRM's preset expressions of a face, for models that have no shapes for ARKit's 52 weights.</summary>
    /// <remarks>
    /// A model adds its presets up, so each movement appears once: the vowels share the mouth, `blink` is what both eyes close, and a
    /// smile is `relaxed` or, with raised cheeks, `happy`. The same numbers as Omote sends by VMC.
    /// </remarks>
    internal static class VrmPresets
    {
        /// <summary>Names of VRM 1.0; those of 0.x stand at the same places in `OldNames`.</summary>
        public static readonly string[] Names =
            { "aa", "ih", "ou", "ee", "oh", "blink", "blinkLeft", "blinkRight", "happy", "relaxed", "angry", "sad" };

        public static readonly string[] OldNames =
            { "A", "I", "U", "E", "O", "Blink", "Blink_L", "Blink_R", "Joy", "Fun", "Angry", "Sorrow" };

        /// <summary>Writes the presets [12] of these weights [52], which have these names.</summary>
        public static void Fill(IReadOnlyList<string> names, float[] weights, float[] presets)
        {
            float opened = Of(names, weights, "jawOpen");
            float narrow = Math.Max(Of(names, weights, "mouthFunnel"), Of(names, weights, "mouthPucker"));
            float wide = Both(names, weights, "mouthStretch") * (1 - narrow);
            float left = Of(names, weights, "eyeBlinkLeft"), right = Of(names, weights, "eyeBlinkRight");
            float blink = Math.Min(left, right);
            float smile = Both(names, weights, "mouthSmile"), happy = smile * Both(names, weights, "cheekSquint");
            presets[0] = opened * (1 - narrow - wide);
            presets[1] = (1 - opened) * wide;
            presets[2] = (1 - opened) * narrow;
            presets[3] = opened * wide;
            presets[4] = opened * narrow;
            presets[5] = blink;
            presets[6] = left - blink;
            presets[7] = right - blink;
            presets[8] = happy;
            presets[9] = smile - happy;
            presets[10] = Both(names, weights, "browDown");
            presets[11] = Both(names, weights, "mouthFrown");
        }

        private static float Both(IReadOnlyList<string> names, float[] weights, string name)
        {
            return (Of(names, weights, name, "Left") + Of(names, weights, name, "Right")) / 2;
        }

        private static float Of(IReadOnlyList<string> names, float[] weights, string name, string side = "")
        {
            for (int i = 0; i < names.Count; i++)
            {
                string found = names[i];
                bool isThis = found.Length == name.Length + side.Length
                    && string.CompareOrdinal(found, 0, name, 0, name.Length) == 0
                    && string.CompareOrdinal(found, name.Length, side, 0, side.Length) == 0;
                if (isThis) return Math.Min(Math.Max(weights[i], 0), 1);
            }
            return 0;
        }
    }
}
