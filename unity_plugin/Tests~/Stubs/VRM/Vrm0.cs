using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using UnityEngine;

[assembly: InternalsVisibleTo("Omote.Runtime.Tests")]

namespace VRM
{
    public struct BlendShapeKey : IEquatable<BlendShapeKey>
    {
        public string Name { get; private set; }

        internal BlendShapeKey(string name)
        {
            Name = name;
        }

        public bool Equals(BlendShapeKey other) { return Name == other.Name; }
    }

    public class VRMBlendShapeProxy : MonoBehaviour
    {
        internal readonly Dictionary<BlendShapeKey, float> Values = new Dictionary<BlendShapeKey, float>();

        public IEnumerable<KeyValuePair<BlendShapeKey, float>> GetValues() { return Values; }

        public void SetValues(IEnumerable<KeyValuePair<BlendShapeKey, float>> values)
        {
            foreach (KeyValuePair<BlendShapeKey, float> each in values) Values[each.Key] = each.Value;
        }
    }
}
