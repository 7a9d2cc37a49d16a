using NUnit.Framework;
using UnityEngine;
using UnityEngine.Rendering;

namespace Omote.Tests
{
    [TestFixture]
    public class SceneLightTests
    {
        private static readonly Vector3 _place = new Vector3(1, 2, 3);

        [SetUp]
        public void SetUp()
        {
            LightmapSettings.lightProbes = null;
            RenderSettings.ambientProbe = new SphericalHarmonicsL2();
            QualitySettings.activeColorSpace = ColorSpace.Linear;
            GraphicsSettings.currentRenderPipeline = null;
            GraphicsSettings.lightsUseLinearIntensity = false;
        }

        private static Light Lamp(LightType type, Vector3 position, Quaternion rotation)
        {
            var light = new GameObject("lamp").AddComponent<Light>();
            light.type = type;
            light.transform.position = position;
            light.transform.rotation = rotation;
            return light;
        }

        private static float[] Of(Light light)
        {
            var found = new float[27];
            SceneLight.Add(light, _place, found);
            return found;
        }

        private static SphericalHarmonicsL2 Ambient(float level)
        {
            var probe = new SphericalHarmonicsL2();
            probe.AddAmbientLight(new Color(level, level, level));
            return probe;
        }

        [Test]
        public void WithoutProbesItIsTheAmbientLight()
        {
            RenderSettings.ambientProbe = Ambient(0.5f);
            var found = new float[27];
            SceneLight.Read(_place, found);
            Assert.AreEqual(0.5f * 3.5449f, found[9], 1e-4f);
        }

        [Test]
        public void ProbesGoBeforeAmbientLight()
        {
            RenderSettings.ambientProbe = Ambient(0.5f);
            LightmapSettings.lightProbes = new LightProbes { Everywhere = Ambient(0.25f) };
            var found = new float[27];
            SceneLight.Read(_place, found);
            Assert.AreEqual(0.25f * 3.5449f, found[18], 1e-4f);
        }

        [Test]
        public void AProjectInGammaIsMadeLinear()
        {
            QualitySettings.activeColorSpace = ColorSpace.Gamma;
            RenderSettings.ambientProbe = Ambient(0.5f);
            var found = new float[27];
            SceneLight.Read(_place, found);
            Assert.AreEqual(0.21404f * 3.5449f, found[0], 1e-3f);
        }

        [Test]
        public void ASunShinesFromBehindItsForwardAndGivesPiOfIrradiance()
        {
            Light sun = Lamp(LightType.Directional, Vector3.zero, Quaternion.AngleAxis(90, Vector3.right)); // looks down
            float[] found = Of(sun);
            Assert.AreEqual(Mathf.PI * 0.48860f, found[1], 1e-4f);
            Assert.AreEqual(0, found[2], 1e-5f);
            Assert.AreEqual(0, found[3], 1e-5f);
        }

        [Test]
        public void APointLightShinesFromWhereItIsAndEndsAtItsRange()
        {
            Light near = Lamp(LightType.Point, _place + Vector3.right * 2, Quaternion.identity);
            float[] found = Of(near);
            Assert.Greater(found[3], 0);
            Assert.AreEqual(found[0] / 0.28209f, found[3] / 0.48860f, 1e-4f);
            near.range = 1.5f;
            Assert.AreEqual(new float[27], Of(near));
        }

        [Test]
        public void APipelinesPointLightFallsWithTheSquareOfItsDistance()
        {
            GraphicsSettings.currentRenderPipeline = new RenderPipelineAsset();
            Light lamp = Lamp(LightType.Point, _place + Vector3.up, Quaternion.identity);
            lamp.range = 1000;
            float atOne = Of(lamp)[0];
            lamp.transform.position = _place + Vector3.up * 3;
            Assert.AreEqual(atOne / 9, Of(lamp)[0], atOne * 1e-3f);
        }

        [Test]
        public void ASpotLightsOnlyWhatIsInItsCone()
        {
            Vector3 above = _place + Vector3.up * 2;
            Light inside = Lamp(LightType.Spot, above, Quaternion.AngleAxis(90, Vector3.right));
            Light aside = Lamp(LightType.Spot, above, Quaternion.AngleAxis(60, Vector3.right));
            Assert.Greater(Of(inside)[0], 0);
            Assert.AreEqual(new float[27], Of(aside));
        }

        [Test]
        public void ABakedLightIsInTheProbesAlready()
        {
            Light baked = Lamp(LightType.Directional, Vector3.zero, Quaternion.identity);
            baked.bakingOutput = new LightBakingOutput { isBaked = true, lightmapBakeType = LightmapBakeType.Baked };
            Assert.AreEqual(new float[27], Of(baked));
        }

        [Test]
        public void ALightThatIsOffAddsNothing()
        {
            Light off = Lamp(LightType.Directional, Vector3.zero, Quaternion.identity);
            off.enabled = false;
            Assert.AreEqual(new float[27], Of(off));
            Assert.AreEqual(new float[27], Of(null));
        }

        [Test]
        public void TheColourIsMadeLinearAsThePipelineDoesIt()
        {
            Light lamp = Lamp(LightType.Directional, Vector3.zero, Quaternion.identity);
            lamp.color = new Color(0.5f, 0.5f, 0.5f);
            lamp.intensity = 2;
            Assert.AreEqual(Mathf.PI * 0.28209f, Of(lamp)[0], 1e-4f); // (0.5 * 2) made linear
            GraphicsSettings.lightsUseLinearIntensity = true;
            Assert.AreEqual(Mathf.PI * 0.28209f * 0.21404f * 2, Of(lamp)[0], 1e-4f);
        }
    }
}
