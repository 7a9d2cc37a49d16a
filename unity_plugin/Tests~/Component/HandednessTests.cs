using NUnit.Framework;
using UnityEngine;

namespace Omote.Tests
{
    /// <summary>A Unity character looks along +z, its right is +x; on the wire x is the subject's left.</summary>
    [TestFixture]
    public class HandednessTests
    {
        private const float Angle = 0.5f; // radians

        private static readonly float _sin = Mathf.Sin(Angle);
        private static readonly float _cos = Mathf.Cos(Angle);

        private static Quaternion Turn(float x, float y, float z) { return Handedness.ToUnity(new[] { 9f, x, y, z }, 1); }

        private static void AreNear(Vector3 wanted, Vector3 found)
        {
            Assert.Less((wanted - found).magnitude, 1e-5f, $"wanted {wanted}, found {found}");
        }

        [Test]
        public void PositiveXLooksDown()
        {
            AreNear(new Vector3(0, -_sin, _cos), Turn(Angle, 0, 0) * Vector3.forward);
        }

        [Test]
        public void PositiveYTurnsToTheSubjectsLeft()
        {
            AreNear(new Vector3(-_sin, 0, _cos), Turn(0, Angle, 0) * Vector3.forward);
        }

        [Test]
        public void PositiveZTiltsToTheSubjectsRight()
        {
            AreNear(new Vector3(_sin, _cos, 0), Turn(0, 0, Angle) * Vector3.up);
        }

        [Test]
        public void NoTurnIsNoTurn()
        {
            AreNear(Vector3.forward, Turn(0, 0, 0) * Vector3.forward);
        }

        [Test]
        public void AnyTurnIsTheMirroredOne()
        {
            // Rodrigues' formula in the wire's frame, then x mirrored.
            var axis = new Vector3(0.3f, -0.7f, 0.4f);
            var point = new Vector3(0.2f, 0.5f, -0.9f);
            Vector3 k = axis.normalized;
            float angle = axis.magnitude;
            Vector3 turned = point * Mathf.Cos(angle) + Cross(k, point) * Mathf.Sin(angle)
                + k * Vector3.Dot(k, point) * (1 - Mathf.Cos(angle));
            Vector3 found = Turn(axis.x, axis.y, axis.z) * new Vector3(-point.x, point.y, point.z);
            AreNear(new Vector3(-turned.x, turned.y, turned.z), found);
        }

        [Test]
        public void AGazeLooksDownAndToTheSubjectsLeft()
        {
            Quaternion gaze = Handedness.ToUnityGaze(new[] { 0.2f, 0.3f }, 0);
            AreNear(new Vector3(-Mathf.Sin(0.3f) * Mathf.Cos(0.2f), -Mathf.Sin(0.2f), Mathf.Cos(0.3f) * Mathf.Cos(0.2f)),
                gaze * Vector3.forward);
        }

        private static Vector3 Cross(Vector3 a, Vector3 b)
        {
            return new Vector3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
        }
    }
}
