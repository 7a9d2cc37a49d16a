using System;
using System.Collections.Generic;
using UnityEngine;

namespace Omote
{
    /// <summary>One skinned mesh, and which of its blend shapes follow which ARKit weights.</summary>
    internal sealed class ShapeTarget
    {
        private readonly SkinnedMeshRenderer _renderer;
        private readonly Mesh _mesh;
        private readonly List<Follower> _followers = new List<Follower>();
        private readonly List<string> _missing = new List<string>();

        public ShapeTarget(SkinnedMeshRenderer renderer, IReadOnlyList<string> arkit, IReadOnlyList<ShapeOverride> overrides)
        {
            _renderer = renderer;
            _mesh = renderer.sharedMesh;
            if (_mesh == null) return;
            var shapes = new string[_mesh.blendShapeCount];
            for (int i = 0; i < shapes.Length; i++) shapes[i] = _mesh.GetBlendShapeName(i);
            List<int>[] found = ShapeNames.Match(arkit, shapes);
            Table = ShapeTable.Find(shapes, Array.FindAll(found, each => each.Count > 0).Length);
            if (Table != null) found = BySource(arkit, shapes);
            for (int i = 0; i < arkit.Count; i++)
            {
                Add(i, arkit[i], found[i], Find(overrides, arkit[i]), shapes);
            }
            for (int i = arkit.Count; i < found.Length; i++)
            {
                foreach (int shape in found[i]) Follow(i, shape, 1);
            }
        }

        /// <summary>The names that were found instead of ARKit's; null where those were found.</summary>
        public ShapeTable Table { get; }

        private struct Follower
        {
            public int Source; // as FaceValues counts
            public int Shape;
            public float Full; // the shape's value that ARKit's weight 1 stands for
            public float Rest;
        }

        /// <summary>The renderer's name; empty where it is gone.</summary>
        public string Name => _renderer == null ? "" : _renderer.name;

        /// <summary>The ARKit names that move nothing here.</summary>
        public IReadOnlyList<string> Missing => _missing;

        /// <summary>False once the renderer is gone or shows another mesh: then make a new one.</summary>
        public bool IsCurrent => _renderer != null && _renderer.sharedMesh == _mesh;

        public void Apply(FaceValues values)
        {
            foreach (Follower each in _followers)
            {
                _renderer.SetBlendShapeWeight(each.Shape, values[each.Source] * each.Full);
            }
        }

        /// <summary>Puts back what the shapes were before.</summary>
        public void Restore()
        {
            if (!IsCurrent) return;
            foreach (Follower each in _followers) _renderer.SetBlendShapeWeight(each.Shape, each.Rest);
        }

        private void Add(int weight, string name, List<int> found, ShapeOverride wish, string[] shapes)
        {
            if (wish != null && wish.shape != "") found = Named(wish.shape, shapes);
            if (found.Count == 0) _missing.Add(name);
            foreach (int shape in found) Follow(weight, shape, wish == null ? 1 : wish.gain);
        }

        private void Follow(int source, int shape, float gain)
        {
            float rest = _renderer.GetBlendShapeWeight(shape);
            _followers.Add(new Follower { Source = source, Shape = shape, Full = gain * Full(shape), Rest = rest });
        }

        // By the table: for each weight and then each preset, the shapes that it moves.
        private List<int>[] BySource(IReadOnlyList<string> arkit, string[] shapes)
        {
            var found = new List<int>[arkit.Count + VrmPresets.Names.Length];
            for (int i = 0; i < found.Length; i++) found[i] = new List<int>();
            for (int shape = 0; shape < shapes.Length; shape++)
            {
                string source = Table.SourceOf(shapes[shape]);
                int index = source == null ? FaceValues.None : FaceValues.IndexOf(arkit, source);
                if (index >= 0) found[index].Add(shape);
            }
            return found;
        }

        /// <summary>The weight of the shape's last frame: 100 in FBX files, 1 where a glTF importer made the mesh.</summary>
        private float Full(int shape)
        {
            return _mesh.GetBlendShapeFrameWeight(shape, _mesh.GetBlendShapeFrameCount(shape) - 1);
        }

        private static List<int> Named(string name, string[] shapes)
        {
            var found = new List<int>();
            for (int i = 0; i < shapes.Length; i++)
            {
                if (shapes[i] == name) found.Add(i);
            }
            return found;
        }

        private static ShapeOverride Find(IReadOnlyList<ShapeOverride> overrides, string arkit)
        {
            foreach (ShapeOverride each in overrides)
            {
                if (ShapeNames.AreSame(each.arkit, arkit)) return each;
            }
            return null;
        }
    }
}
