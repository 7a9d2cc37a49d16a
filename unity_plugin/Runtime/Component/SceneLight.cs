using UnityEngine;
using UnityEngine.Rendering;

namespace Omote
{
    /// <summary>The light of a scene at one place: its light probes, and lights that are not in them.</summary>
    internal static class SceneLight
    {
        /// <summary>The radiance [27] at a place, linear, in the world's axes.</summary>
        public static void Read(Vector3 place, float[] into)
        {
            SphericalHarmonicsL2 probe;
            bool hasProbes = LightmapSettings.lightProbes != null && LightmapSettings.lightProbes.count > 0;
            if (hasProbes) LightProbes.GetInterpolatedProbe(place, null, out probe);
            else probe = RenderSettings.ambientProbe;
            Harmonics.FromProbe(probe, into);
            if (QualitySettings.activeColorSpace == ColorSpace.Gamma) MakeLinear(into);
        }

        /// <summary>Adds what this light sends to the place; nothing where it is off, or baked into the probes already.</summary>
        public static void Add(Light light, Vector3 place, float[] into)
        {
            if (light == null || !light.isActiveAndEnabled || IsInProbes(light)) return;
            Vector3 towards = light.type == LightType.Directional
                ? -light.transform.forward
                : light.transform.position - place;
            float share = Share(light, towards);
            // Unity's lights leave out Lambert's 1/pi: one of intensity 1 lights a white surface to 1, so its irradiance is pi.
            if (share > 0) Harmonics.AddDirection(into, towards, Linear(light) * (share * Mathf.PI));
        }

        private static bool IsInProbes(Light light)
        {
            LightBakingOutput baking = light.bakingOutput;
            return baking.isBaked && baking.lightmapBakeType == LightmapBakeType.Baked;
        }

        // How much of the light arrives after its way and, for a spot, at this side of its cone.
        private static float Share(Light light, Vector3 towards)
        {
            if (light.type == LightType.Directional) return 1;
            float distance = towards.magnitude;
            if (distance >= light.range || distance < 1e-4f) return 0;
            if (light.type == LightType.Point) return Falloff(distance, light.range);
            if (light.type == LightType.Spot) return Falloff(distance, light.range) * Cone(light, towards / distance);
            return 0; // areas are baked
        }

        // The built-in pipeline's lights are as strong as their intensity at the source; those of URP and HDRP one metre away.
        private static float Falloff(float distance, float range)
        {
            float part = distance * distance / (range * range);
            if (GraphicsSettings.currentRenderPipeline == null) return Mathf.Clamp01(5 * (1 - Mathf.Sqrt(part))) / (1 + 25 * part);
            float window = 1 - part * part;
            return window * window / (distance * distance);
        }

        private static float Cone(Light light, Vector3 towards)
        {
            float outer = Mathf.Cos(light.spotAngle * Mathf.Deg2Rad / 2);
            float inner = Mathf.Cos(light.innerSpotAngle * Mathf.Deg2Rad / 2);
            float inside = Vector3.Dot(light.transform.forward, -towards) - outer;
            float edge = Mathf.Clamp01(inside / Mathf.Max(inner - outer, 1e-3f));
            return edge * edge;
        }

        private static Color Linear(Light light)
        {
            bool isTempered = light.useColorTemperature && GraphicsSettings.lightsUseColorTemperature;
            Color tint = isTempered ? Mathf.CorrelatedColorTemperatureToRGB(light.colorTemperature) : Color.white;
            if (GraphicsSettings.lightsUseLinearIntensity) return light.color.linear * tint * light.intensity;
            return (light.color * light.intensity).linear * tint;
        }

        // A project in gamma keeps its probes in gamma. Harmonics cannot be bent; each colour's mean is made right.
        private static void MakeLinear(float[] radiance)
        {
            const float mean = 0.28209479f; // of a harmonic 00 of 1
            for (int c = 0; c < Harmonics.Count; c += 9)
            {
                float bent = radiance[c] * mean;
                if (bent <= 0) continue;
                float gain = Mathf.GammaToLinearSpace(bent) / bent;
                for (int i = 0; i < 9; i++) radiance[c + i] *= gain;
            }
        }
    }
}
