using UnityEngine;

namespace Omote
{
    /// <summary>Turns of the wire's right-handed frame in Unity's left-handed one.</summary>
    /// <remarks>
    /// On the wire x is the subject's left, y up, z where the face looks. A Unity character looks along its z too, but its x is its
    /// right: x is mirrored, and a mirror keeps a turn about its own axis and reverses the two others.
    /// </remarks>
    internal static class Handedness
    {
        /// <summary>The rotation vector in radians that starts at `start`, as a turn of a character that looks along +z.</summary>
        public static Quaternion ToUnity(float[] radians, int start)
        {
            var axis = new Vector3(radians[start], -radians[start + 1], -radians[start + 2]);
            return Quaternion.AngleAxis(axis.magnitude * Mathf.Rad2Deg, axis);
        }

        /// <summary>A place in metres, whose x is the subject's left, in a character's own frame.</summary>
        public static Vector3 ToUnityPlace(float[] metres) { return new Vector3(-metres[0], metres[1], metres[2]); }

        /// <summary>A gaze whose pitch stands at `start`, its yaw after it: yaw first, then pitch, as eyes are measured.</summary>
        public static Quaternion ToUnityGaze(float[] radians, int start)
        {
            return Quaternion.Euler(radians[start] * Mathf.Rad2Deg, -radians[start + 1] * Mathf.Rad2Deg, 0);
        }
    }
}
