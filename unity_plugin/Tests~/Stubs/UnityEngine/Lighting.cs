using UnityEngine.Rendering;

namespace UnityEngine
{
    public enum LightType
    {
        Spot,
        Directional,
        Point,
        Rectangle,
        Disc,
    }

    public enum LightmapBakeType
    {
        Mixed = 1,
        Baked = 2,
        Realtime = 4,
    }

    public enum ColorSpace
    {
        Uninitialized = -1,
        Gamma,
        Linear,
    }

    public struct LightBakingOutput
    {
        public bool isBaked;
        public LightmapBakeType lightmapBakeType;
    }

    public sealed class Light : Behaviour
    {
        public LightType type { get; set; } = LightType.Point;
        public Color color { get; set; } = Color.white;
        public float intensity { get; set; } = 1;
        public float range { get; set; } = 10;
        public float spotAngle { get; set; } = 30;
        public float innerSpotAngle { get; set; } = 20;
        public bool useColorTemperature { get; set; }
        public float colorTemperature { get; set; } = 6570;
        public LightBakingOutput bakingOutput { get; set; }
    }

    public sealed class LightProbes : Object
    {
        internal SphericalHarmonicsL2 Everywhere;
        internal int Count = 1;

        public int count => Count;

        public static void GetInterpolatedProbe(Vector3 position, Renderer renderer, out SphericalHarmonicsL2 probe)
        {
            probe = LightmapSettings.lightProbes.Everywhere;
        }
    }

    public static class LightmapSettings
    {
        public static LightProbes lightProbes { get; set; }
    }

    public static class RenderSettings
    {
        public static SphericalHarmonicsL2 ambientProbe { get; set; }
        public static Light sun { get; set; }
    }

    public static class QualitySettings
    {
        public static ColorSpace activeColorSpace { get; internal set; } = ColorSpace.Linear;
    }
}

namespace UnityEngine.Rendering
{
    public class RenderPipelineAsset : Object { }

    public static class GraphicsSettings
    {
        public static RenderPipelineAsset currentRenderPipeline { get; internal set; }
        public static bool lightsUseLinearIntensity { get; set; }
        public static bool lightsUseColorTemperature { get; set; }
    }

    /// <summary>Light from all around, already convolved with a matt surface's cosine, in Unity's layout.</summary>
    public struct SphericalHarmonicsL2
    {
        private float[] _values;

        public float this[int rgb, int coefficient]
        {
            get { return _values == null ? 0 : _values[rgb * 9 + coefficient]; }
            set
            {
                // A struct: whoever copies it must not write into the original.
                _values = _values == null ? new float[27] : (float[])_values.Clone();
                _values[rgb * 9 + coefficient] = value;
            }
        }

        public void AddAmbientLight(Color color)
        {
            for (int c = 0; c < 3; c++) this[c, 0] += Channel(color, c);
        }

        /// <summary>A light that gives a surface facing it exactly its colour (Sloan's 16 pi / 17).</summary>
        public void AddDirectionalLight(Vector3 direction, Color color, float intensity)
        {
            float x = direction.x, y = direction.y, z = direction.z;
            float[] shape =
            {
                4f / 17, y * 8 / 17, z * 8 / 17, x * 8 / 17,
                x * y * 15 / 17, y * z * 15 / 17, (3 * z * z - 1) * 5 / 68, x * z * 15 / 17, (x * x - y * y) * 15 / 68,
            };
            for (int c = 0; c < 3; c++)
            {
                for (int i = 0; i < 9; i++) this[c, i] += shape[i] * intensity * Channel(color, c);
            }
        }

        public void Evaluate(Vector3[] directions, Color[] results)
        {
            for (int i = 0; i < directions.Length; i++)
            {
                results[i] = new Color(At(0, directions[i]), At(1, directions[i]), At(2, directions[i]));
            }
        }

        private float At(int c, Vector3 n)
        {
            return this[c, 0] - this[c, 6] + this[c, 3] * n.x + this[c, 1] * n.y + this[c, 2] * n.z
                + this[c, 4] * n.x * n.y + this[c, 5] * n.y * n.z + 3 * this[c, 6] * n.z * n.z
                + this[c, 7] * n.x * n.z + this[c, 8] * (n.x * n.x - n.y * n.y);
        }

        private static float Channel(Color color, int c) { return c == 0 ? color.r : c == 1 ? color.g : color.b; }
    }
}
