using System.Collections.Generic;

namespace Omote
{
    /// <summary>What can move a shape or an expression: ARKit's weights, then VRM's presets of the same face, each by an index.</summary>
    internal sealed class FaceValues
    {
        /// <summary>The expression is part of the face, but what it would show is shown by others: it stays 0.</summary>
        public const int Unused = -2;

        /// <summary>Nothing of the face moves it.</summary>
        public const int None = -1;

        private readonly float[] _presets = new float[VrmPresets.Names.Length];
        private float[] _weights = new float[ParamsFrame.WeightCount];

        /// <summary>The value at this index, 0 to 1.</summary>
        public float this[int source] => source < 0 ? 0 : source < _weights.Length ? _weights[source] : _presets[source - _weights.Length];

        /// <summary>Takes these weights [52]; they are looked at, not copied.</summary>
        public void Take(IReadOnlyList<string> arkit, float[] weights)
        {
            _weights = weights;
            VrmPresets.Fill(arkit, weights, _presets);
        }

        /// <summary>The index of this weight or preset; None where it is neither.</summary>
        public static int IndexOf(IReadOnlyList<string> arkit, string name)
        {
            for (int i = 0; i < arkit.Count; i++)
                if (arkit[i] == name) return i;
            int preset = System.Array.IndexOf(VrmPresets.Names, name);
            return preset < 0 ? None : arkit.Count + preset;
        }

        /// <summary>For each expression of a VRM model, what moves it: its 52 custom ones where it has them, else the presets.</summary>
        public static int[] Match(IReadOnlyList<string> arkit, IReadOnlyList<string> expressions)
        {
            var sources = new int[expressions.Count];
            for (int i = 0; i < sources.Length; i++) sources[i] = PresetOf(arkit, expressions[i]);
            List<int>[] found = ShapeNames.Match(arkit, expressions);
            int custom = 0;
            foreach (List<int> each in found) custom += each.Count > 0 ? 1 : 0;
            if (custom < arkit.Count / 2) return sources;
            for (int i = 0; i < sources.Length; i++)
                if (sources[i] != None) sources[i] = Unused;
            for (int weight = 0; weight < found.Length; weight++)
                foreach (int expression in found[weight]) sources[expression] = weight;
            return sources;
        }

        private static int PresetOf(IReadOnlyList<string> arkit, string name)
        {
            for (int i = 0; i < VrmPresets.Names.Length; i++)
            {
                bool isThis = ShapeNames.AreSame(name, VrmPresets.Names[i]) || ShapeNames.AreSame(name, VrmPresets.OldNames[i]);
                if (isThis) return arkit.Count + i;
            }
            return None;
        }
    }
}
