using System.Collections.Generic;

namespace UnityEngine
{
    public sealed class Shader : Object
    {
        public static Shader Find(string name) { return new Shader { name = name }; }

        public static int PropertyToID(string name)
        {
            int known = Names.IndexOf(name);
            if (known >= 0) return known;
            Names.Add(name);
            return Names.Count - 1;
        }

        public int GetPropertyCount() { return Properties.Length; }
        public string GetPropertyName(int propertyIndex) { return Properties[propertyIndex].Substring(2); }

        public Rendering.ShaderPropertyType GetPropertyType(int propertyIndex)
        {
            return Properties[propertyIndex][0] == 'T' ? Rendering.ShaderPropertyType.Texture : Rendering.ShaderPropertyType.Float;
        }

        internal static readonly List<string> Names = new List<string>();

        // Not in Unity: "T name" for a texture, "F name" for a number.
        internal string[] Properties = new string[0];
    }

    public class Material : Object
    {
        public Material(Shader shader) { this.shader = shader; }

        public Shader shader { get; set; }
    }

    public sealed class MaterialPropertyBlock
    {
        internal Dictionary<int, object> Values = new Dictionary<int, object>();

        public void SetTexture(int nameID, Texture value) { Values[nameID] = value; }
        public void SetFloat(int nameID, float value) { Values[nameID] = value; }
        public void SetTexture(string name, Texture value) { SetTexture(Shader.PropertyToID(name), value); }
        public Texture GetTexture(int nameID) { return Values.ContainsKey(nameID) ? (Texture)Values[nameID] : null; }
        public float GetFloat(int nameID) { return Values.ContainsKey(nameID) ? (float)Values[nameID] : 0; }
    }

    public class Renderer : Component
    {
        private Dictionary<int, object> _block = new Dictionary<int, object>();

        public bool enabled { get; set; } = true;
        public Material sharedMaterial { get; set; }

        public void GetPropertyBlock(MaterialPropertyBlock properties)
        {
            properties.Values = new Dictionary<int, object>(_block);
        }

        public void SetPropertyBlock(MaterialPropertyBlock properties)
        {
            _block = properties == null ? new Dictionary<int, object>() : new Dictionary<int, object>(properties.Values);
        }

        // Not in Unity: what the shader would see.
        internal object Property(string name)
        {
            return _block.TryGetValue(Shader.PropertyToID(name), out object value) ? value : null;
        }
    }

    public sealed class MeshRenderer : Renderer { }

    public sealed class Mesh : Object
    {
        private readonly string[] _shapes;

        internal Mesh(params string[] shapes) { _shapes = shapes; }

        public int blendShapeCount => _shapes.Length;

        public string GetBlendShapeName(int shapeIndex) { return _shapes[shapeIndex]; }
        public int GetBlendShapeFrameCount(int shapeIndex) { return 1; }
        public float GetBlendShapeFrameWeight(int shapeIndex, int frameIndex) { return FrameWeight; }

        // Not in Unity.
        internal float FrameWeight = 100;
    }

    public sealed class SkinnedMeshRenderer : Renderer
    {
        private readonly Dictionary<int, float> _weights = new Dictionary<int, float>();

        public Mesh sharedMesh { get; set; }

        public float GetBlendShapeWeight(int index) { return _weights.TryGetValue(index, out float value) ? value : 0; }
        public void SetBlendShapeWeight(int index, float value) { _weights[index] = value; }

        // Not in Unity.
        internal float this[string shape]
        {
            get
            {
                for (int i = 0; i < sharedMesh.blendShapeCount; i++)
                {
                    if (sharedMesh.GetBlendShapeName(i) == shape) return GetBlendShapeWeight(i);
                }
                throw new KeyNotFoundException(shape);
            }
        }
    }
}

namespace UnityEngine.Rendering
{
    public enum ShaderPropertyType
    {
        Color,
        Vector,
        Float,
        Range,
        Texture,
        Int,
    }
}
