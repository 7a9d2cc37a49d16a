using UnityEditor;
using UnityEditor.Animations;
using UnityEngine;

namespace Omote.Editors
{
    /// <summary>Records what a face driver moves into an AnimationClip: blend shapes, bones and the body's place.</summary>
    /// <remarks>The clip is for an Animator on the driver's object, so what it moves has to lie below that.</remarks>
    internal sealed class FaceRecording
    {
        private const float Fps = 60;

        private readonly OmoteFaceDriver _driver;
        private readonly GameObjectRecorder _recorder;

        private FaceRecording(OmoteFaceDriver driver)
        {
            _driver = driver;
            _recorder = new GameObjectRecorder(driver.gameObject);
            foreach (SkinnedMeshRenderer each in driver.renderers)
                if (each != null) _recorder.BindComponentsOfType<SkinnedMeshRenderer>(each.gameObject, false);
            foreach (Transform each in driver.moved)
                if (each != null) _recorder.BindComponentsOfType<Transform>(each.gameObject, false);
            driver.Moved += Snap;
        }

        /// <summary>The driver whose face is recorded now; null while nothing is.</summary>
        public static OmoteFaceDriver Recorded => Now == null ? null : Now._driver;

        private static FaceRecording Now { get; set; }

        /// <summary>Begins to record this driver.</summary>
        public static void Begin(OmoteFaceDriver driver)
        {
            if (Now == null) Now = new FaceRecording(driver);
        }

        /// <summary>Ends the recording and saves the clip at this path of the project; empty: it is thrown away.</summary>
        public static void End(string path)
        {
            if (Now == null) return;
            FaceRecording ended = Now;
            Now = null;
            ended._driver.Moved -= ended.Snap;
            if (string.IsNullOrEmpty(path)) return;
            var clip = new AnimationClip { name = "Face" };
            ended._recorder.SaveToClip(clip, Fps);
            AssetDatabase.CreateAsset(clip, path);
        }

        private void Snap() { _recorder.TakeSnapshot(Time.deltaTime); }
    }
}
