using System.Collections.Generic;
using System.Runtime.CompilerServices;
using UnityEngine;

[assembly: InternalsVisibleTo("Omote.Runtime.Tests")]

namespace UniVRM10
{
    public enum ExpressionPreset
    {
        custom,
        happy,
        aa,
        blink,
        blinkLeft,
        blinkRight,
    }

    public readonly struct ExpressionKey : System.IEquatable<ExpressionKey>
    {
        public readonly ExpressionPreset Preset;
        public readonly string Name;

        public ExpressionKey(ExpressionPreset preset, string customName = null)
        {
            Preset = preset;
            Name = preset == ExpressionPreset.custom ? customName : preset.ToString();
        }

        public static EqualityComparer Comparer { get; } = new EqualityComparer();

        public bool Equals(ExpressionKey other) { return Preset == other.Preset && Name == other.Name; }
        public override int GetHashCode() { return Name.GetHashCode(); }

        public sealed class EqualityComparer : IEqualityComparer<ExpressionKey>
        {
            public bool Equals(ExpressionKey x, ExpressionKey y) { return x.Equals(y); }
            public int GetHashCode(ExpressionKey obj) { return obj.GetHashCode(); }
        }
    }

    public sealed class Vrm10RuntimeExpression
    {
        internal readonly List<ExpressionKey> Keys = new List<ExpressionKey>();
        internal readonly Dictionary<ExpressionKey, float> Weights = new Dictionary<ExpressionKey, float>(ExpressionKey.Comparer);

        public IReadOnlyList<ExpressionKey> ExpressionKeys => Keys;

        public void SetWeightsNonAlloc(Dictionary<ExpressionKey, float> weights)
        {
            foreach (KeyValuePair<ExpressionKey, float> each in weights) Weights[each.Key] = each.Value;
        }
    }

    public sealed class Vrm10RuntimeLookAt
    {
        public float Yaw { get; private set; }
        public float Pitch { get; private set; }

        public void SetYawPitchManually(float yaw, float pitch)
        {
            Yaw = yaw;
            Pitch = pitch;
        }
    }

    public class Vrm10Runtime
    {
        public Vrm10RuntimeExpression Expression { get; } = new Vrm10RuntimeExpression();
        public Vrm10RuntimeLookAt LookAt { get; } = new Vrm10RuntimeLookAt();
    }

    public class Vrm10Instance : MonoBehaviour
    {
        public Vrm10Runtime Runtime { get; } = new Vrm10Runtime();
    }
}
