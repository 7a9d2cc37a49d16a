using System;
using UnityEngine;

namespace Omote
{
    /// <summary>Which face a driver follows.</summary>
    public enum FaceSource
    {
        /// <summary>What the portrait shows: smoothed, easing to rest without a face, with triggered expressions.</summary>
        Shown,

        /// <summary>What the tracker saw, as it saw it; rest where it saw no face.</summary>
        Seen,
    }

    /// <summary>What a character's face does: ARKit weights, turns of head and eyes and the head's place in Unity's frame.</summary>
    internal sealed class FacePose
    {
        public readonly float[] Weights = new float[ParamsFrame.WeightCount];
        public Quaternion Head = Quaternion.identity;
        public Quaternion LeftEye = Quaternion.identity;
        public Quaternion RightEye = Quaternion.identity;
        public Vector3 Place; // metres, from where the head is at rest

        public void Read(ParamsFrame frame, FaceSource source)
        {
            bool isShown = source == FaceSource.Shown;
            Array.Copy(isShown ? frame.ShownWeights : frame.Weights, Weights, Weights.Length);
            Head = Handedness.ToUnity(isShown ? frame.NeckPose : frame.HeadRotation, 0);
            Place = Handedness.ToUnityPlace(isShown ? frame.Translation : frame.HeadTranslation);
            LeftEye = isShown ? Handedness.ToUnity(frame.EyePose, 0) : Handedness.ToUnityGaze(frame.Gaze, 0);
            RightEye = isShown ? Handedness.ToUnity(frame.EyePose, 3) : Handedness.ToUnityGaze(frame.Gaze, 2);
        }

        public void Rest()
        {
            Array.Clear(Weights, 0, Weights.Length);
            Head = LeftEye = RightEye = Quaternion.identity;
            Place = new Vector3(0, 0, 0);
        }

        /// <summary>Goes this part of the way to another pose; 1 is all of it.</summary>
        public void Follow(FacePose other, float part)
        {
            for (int i = 0; i < Weights.Length; i++) Weights[i] += (other.Weights[i] - Weights[i]) * part;
            Head = Quaternion.Slerp(Head, other.Head, part);
            Place = Place + (other.Place - Place) * part;
            LeftEye = Quaternion.Slerp(LeftEye, other.LeftEye, part);
            RightEye = Quaternion.Slerp(RightEye, other.RightEye, part);
        }
    }
}
