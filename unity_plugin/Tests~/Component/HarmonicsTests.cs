using System;
using NUnit.Framework;
using UnityEngine;
using UnityEngine.Rendering;

namespace Omote.Tests
{
    [TestFixture]
    public class HarmonicsTests
    {
        private static readonly Color _tint = new Color(1, 0.5f, 0.25f);
        private static readonly Vector3 _towards = new Vector3(0.48f, 0.6f, -0.64f);

        // What a matt surface would show, by Unity's own evaluation.
        private static Color Shown(float[] radiance, Vector3 normal)
        {
            var results = new Color[1];
            Harmonics.ToProbe(radiance).Evaluate(new[] { normal }, results);
            return results[0];
        }

        private static Vector3[] Directions()
        {
            var random = new System.Random(7);
            var all = new Vector3[50];
            for (int i = 0; i < all.Length; i++)
            {
                all[i] = new Vector3(Next(random), Next(random), Next(random)).normalized;
            }
            return all;
        }

        private static float Next(System.Random random) { return (float)random.NextDouble() * 2 - 1; }

        [Test]
        public void UniformWhiteLightIsTwoRootPiInTheFirstHarmonic()
        {
            var probe = new SphericalHarmonicsL2();
            probe.AddAmbientLight(Color.white);
            var radiance = new float[27];
            Harmonics.FromProbe(probe, radiance);
            for (int i = 0; i < 27; i++) Assert.AreEqual(i % 9 == 0 ? 3.5449f : 0, radiance[i], 1e-4f);
        }

        [Test]
        public void AProbeOfADirectionalLightIsThatLightsRadiance()
        {
            var probe = new SphericalHarmonicsL2();
            probe.AddDirectionalLight(_towards, _tint, 2);
            var converted = new float[27];
            Harmonics.FromProbe(probe, converted);
            // Unity scales its lights so that a facing surface gets exactly their colour from nine harmonics: 16 pi / 17.
            var projected = new float[27];
            Harmonics.AddDirection(projected, _towards, _tint * (2 * 16 * Mathf.PI / 17));
            for (int i = 0; i < 27; i++) Assert.AreEqual(projected[i], converted[i], 1e-4f, $"harmonic {i}");
        }

        [Test]
        public void AProbeComesBackAsItWas()
        {
            var probe = new SphericalHarmonicsL2();
            probe.AddAmbientLight(new Color(0.1f, 0.2f, 0.3f));
            probe.AddDirectionalLight(_towards, _tint, 1);
            var radiance = new float[27];
            Harmonics.FromProbe(probe, radiance);
            SphericalHarmonicsL2 back = Harmonics.ToProbe(radiance);
            for (int i = 0; i < 27; i++) Assert.AreEqual(probe[i / 9, i % 9], back[i / 9, i % 9], 1e-5f);
        }

        [Test]
        public void IrradianceIsWhatTheCosineGathers()
        {
            // By brute force: radiance from harmonics, times the cosine, over the sphere (a Fibonacci lattice), over pi.
            var radiance = new float[27];
            Harmonics.AddDirection(radiance, _towards, _tint);
            radiance[0] += 3;
            const int count = 40000;
            Vector3 normal = new Vector3(-0.36f, 0.48f, 0.8f);
            double gathered = 0;
            for (int i = 0; i < count; i++)
            {
                double y = 1 - 2 * (i + 0.5) / count, ring = Math.Sqrt(1 - y * y), turn = i * 2.399963229728653;
                var d = new Vector3((float)(ring * Math.Cos(turn)), (float)y, (float)(ring * Math.Sin(turn)));
                gathered += Radiance(radiance, d) * Math.Max(0, Vector3.Dot(normal, d)) * 4 / count;
            }
            // The lattice is exact to about 1/count times the largest radiance (3).
            Assert.AreEqual(gathered, Shown(radiance, normal).r, 1e-3);
        }

        [Test]
        public void TurnedLightShowsTheSameInTurnedDirections()
        {
            Quaternion turn = Quaternion.Euler(25, -130, 47);
            Vector3 x = turn * Vector3.right, y = turn * Vector3.up, z = turn * Vector3.back;
            var world = new float[27];
            Harmonics.AddDirection(world, _towards, _tint);
            Harmonics.AddDirection(world, new Vector3(-0.8f, 0, 0.6f), Color.white);
            var turned = (float[])world.Clone();
            Harmonics.Turn(turned, x, y, z);
            foreach (Vector3 d in Directions())
            {
                var seen = new Vector3(Vector3.Dot(x, d), Vector3.Dot(y, d), Vector3.Dot(z, d));
                Assert.AreEqual(Shown(world, d).r, Shown(turned, seen).r, 1e-5f);
                Assert.AreEqual(Shown(world, d).b, Shown(turned, seen).b, 1e-5f);
            }
        }

        [Test]
        public void TurningALightIsTheLightFromThere()
        {
            Quaternion turn = Quaternion.Euler(-60, 15, 110);
            Vector3 x = turn * Vector3.right, y = turn * Vector3.up, z = turn * Vector3.back;
            var turned = new float[27];
            Harmonics.AddDirection(turned, _towards, _tint);
            Harmonics.Turn(turned, x, y, z);
            var wanted = new float[27];
            Harmonics.AddDirection(
                wanted, new Vector3(Vector3.Dot(x, _towards), Vector3.Dot(y, _towards), Vector3.Dot(z, _towards)), _tint);
            for (int i = 0; i < 27; i++) Assert.AreEqual(wanted[i], turned[i], 1e-5f, $"harmonic {i}");
        }

        private static double Radiance(float[] l, Vector3 d)
        {
            return l[0] * 0.28209479 + 0.48860251 * (l[1] * d.y + l[2] * d.z + l[3] * d.x)
                + 1.09254843 * (l[4] * d.x * d.y + l[5] * d.y * d.z + l[7] * d.x * d.z)
                + 0.31539157 * l[6] * (3 * d.z * d.z - 1) + 0.54627422 * l[8] * (d.x * d.x - d.y * d.y);
        }
    }
}
