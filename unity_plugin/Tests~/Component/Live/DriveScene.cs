using System.Globalization;
using Stubs;
using UnityEngine;

namespace Omote.Tests.Live
{
    /// <summary>`drive ENDPOINT SOURCE`: a head that follows, until stdin closes; it prints when it moves.</summary>
    internal static class DriveScene
    {
        public static void Run(string[] arguments)
        {
            Engine.Play();
            var body = new GameObject("body");
            body.SetActive(false);
            var skin = body.AddComponent<SkinnedMeshRenderer>();
            skin.sharedMesh = new Mesh("Basis", "blendShape1.JawOpen", "mouthSmile_L");
            Transform head = new GameObject("head").transform;
            head.SetParent(body.transform, false);
            var driver = body.AddComponent<OmoteFaceDriver>();
            driver.endpoint = arguments[1];
            driver.source = arguments[2] == "seen" ? FaceSource.Seen : FaceSource.Shown;
            driver.renderers = new[] { skin };
            driver.SetBones(null, head, null, null);
            driver.onExpressionBegan.AddListener(name => Program.Print("began " + name));
            driver.onExpressionEnded.AddListener(name => Program.Print("ended " + name));
            body.SetActive(true);
            string last = "";
            Program.Play(60, () =>
            {
                string now = Describe(skin, head);
                if (now != last) Program.Print(now);
                last = now;
                return false;
            });
            body.SetActive(false);
            Program.Print(Describe(skin, head));
            Engine.Stop();
        }

        private static string Describe(SkinnedMeshRenderer skin, Transform head)
        {
            Vector3 nose = head.forward;
            float jaw = skin["blendShape1.JawOpen"], smile = skin["mouthSmile_L"];
            return string.Format(CultureInfo.InvariantCulture, "face {0:0.00} {1:0.00} {2:0.000} {3:0.000}", jaw, smile, nose.x, nose.y);
        }
    }
}
