using UnityEngine;
using UnityEngine.Rendering;

namespace Omote
{
    /// <summary>Light as Omote takes it: nine orthonormal harmonics of the incoming radiance for red, green and blue.</summary>
    /// <remarks>
    /// Order 00, 1-1, 10, 11, 2-2, 2-1, 20, 21, 22, that is 1; y, z, x; xy, yz, 3zz-1, xz, xx-yy. Unity stores the same nine after
    /// they were convolved with the cosine of a matt surface and multiplied by the constant of their polynomial.
    /// </remarks>
    internal static class Harmonics
    {
        public const int Count = 27;

        // The constants of the harmonics' polynomials.
        private const float Y0 = 0.28209479f;
        private const float Y1 = 0.48860251f;
        private const float Y2 = 1.09254843f; // xy, yz, xz
        private const float Y20 = 0.31539157f; // 3zz-1
        private const float Y22 = 0.54627422f; // xx-yy

        // What a matt surface leaves of each degree, over pi: 1, 2/3, 1/4 (Ramamoorthi and Hanrahan 2001).
        private static readonly float[] _unityPerRadiance =
        {
            Y0, Y1 * 2 / 3, Y1 * 2 / 3, Y1 * 2 / 3, Y2 / 4, Y2 / 4, Y20 / 4, Y2 / 4, Y22 / 4,
        };

        /// <summary>The radiance of a light probe, into [27]; still in the world's axes.</summary>
        public static void FromProbe(SphericalHarmonicsL2 probe, float[] into)
        {
            for (int i = 0; i < Count; i++) into[i] = probe[i / 9, i % 9] / _unityPerRadiance[i % 9];
        }

        /// <summary>The light probe of this radiance [27].</summary>
        public static SphericalHarmonicsL2 ToProbe(float[] radiance)
        {
            var probe = new SphericalHarmonicsL2();
            for (int i = 0; i < Count; i++) probe[i / 9, i % 9] = radiance[i] * _unityPerRadiance[i % 9];
            return probe;
        }

        /// <summary>Adds light from one direction, by the linear irradiance of a surface that faces it.</summary>
        public static void AddDirection(float[] radiance, Vector3 towardsLight, Color irradiance)
        {
            Vector3 d = towardsLight.normalized;
            for (int c = 0; c < 3; c++)
            {
                float strength = c == 0 ? irradiance.r : c == 1 ? irradiance.g : irradiance.b;
                int i = c * 9;
                radiance[i] += strength * Y0;
                radiance[i + 1] += strength * Y1 * d.y;
                radiance[i + 2] += strength * Y1 * d.z;
                radiance[i + 3] += strength * Y1 * d.x;
                radiance[i + 4] += strength * Y2 * d.x * d.y;
                radiance[i + 5] += strength * Y2 * d.y * d.z;
                radiance[i + 6] += strength * Y20 * (3 * d.z * d.z - 1);
                radiance[i + 7] += strength * Y2 * d.x * d.z;
                radiance[i + 8] += strength * Y22 * (d.x * d.x - d.y * d.y);
            }
        }

        /// <summary>The same light seen from a frame whose axes these are in the world; it may be left-handed.</summary>
        public static void Turn(float[] radiance, Vector3 x, Vector3 y, Vector3 z)
        {
            for (int c = 0; c < Count; c += 9)
            {
                TurnVector(radiance, c, x, y, z);
                TurnMatrix(radiance, c, x, y, z);
            }
        }

        // Degree 1 is a vector.
        private static void TurnVector(float[] l, int c, Vector3 x, Vector3 y, Vector3 z)
        {
            var v = new Vector3(l[c + 3], l[c + 1], l[c + 2]);
            l[c + 3] = Vector3.Dot(x, v);
            l[c + 1] = Vector3.Dot(y, v);
            l[c + 2] = Vector3.Dot(z, v);
        }

        // Degree 2 is a symmetric matrix without trace: its value in direction d is d'Md, so the new entries are a'Mb of the axes.
        private static void TurnMatrix(float[] l, int c, Vector3 x, Vector3 y, Vector3 z)
        {
            float xy = l[c + 4] * Y2 / 2, yz = l[c + 5] * Y2 / 2, xz = l[c + 7] * Y2 / 2;
            float zz = l[c + 6] * Y20, xxyy = l[c + 8] * Y22;
            var columnX = new Vector3(xxyy - zz, xy, xz);
            var columnY = new Vector3(xy, -xxyy - zz, yz);
            var columnZ = new Vector3(xz, yz, 2 * zz);
            Vector3 mx = columnX * x.x + columnY * x.y + columnZ * x.z;
            Vector3 my = columnX * y.x + columnY * y.y + columnZ * y.z;
            Vector3 mz = columnX * z.x + columnY * z.y + columnZ * z.z;
            l[c + 4] = Vector3.Dot(x, my) * 2 / Y2;
            l[c + 5] = Vector3.Dot(y, mz) * 2 / Y2;
            l[c + 6] = Vector3.Dot(z, mz) / (2 * Y20);
            l[c + 7] = Vector3.Dot(x, mz) * 2 / Y2;
            l[c + 8] = (Vector3.Dot(x, mx) - Vector3.Dot(y, my)) / (2 * Y22);
        }
    }
}
