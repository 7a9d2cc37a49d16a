using System;
using System.Collections.Generic;
using UnityEngine;

namespace UnityEditor.Animations
{
    public class GameObjectRecorder : UnityEngine.Object
    {
        // Not in Unity: what was bound, and how long the recording is.
        internal static readonly List<string> Bound = new List<string>();
        internal static float Seconds;

        public GameObjectRecorder(GameObject root) { Bound.Clear(); Seconds = 0; }

        public void BindComponentsOfType<T>(GameObject target, bool recursive) where T : Component
        {
            Bound.Add(typeof(T).Name + " " + target.name + (recursive ? " and below" : ""));
        }

        public void TakeSnapshot(float dt) { Seconds += dt; }

        public void SaveToClip(AnimationClip clip, float fps) { clip.frameRate = fps; }
    }
}
