using Stubs;
using UnityEngine;

namespace Omote.Tests.Live
{
    /// <summary>`receive ENDPOINT FORMAT HZ PLAYS COUNT`: a receiver, played several times.</summary>
    internal sealed class ReceiveScene
    {
        private int _seen;
        private ulong _sequence = ulong.MaxValue;
        private RenderTexture _target;
        private OmoteReceiver _receiver;

        public static void Run(string[] arguments)
        {
            for (int play = 0; play < int.Parse(arguments[4]); play++)
            {
                Program.Print("play");
                Engine.Play();
                new ReceiveScene().Play(arguments);
                Engine.Stop();
                Program.Print($"stopped {Texture2D.Alive}");
            }
        }

        private void Play(string[] arguments)
        {
            var scene = new GameObject("portrait");
            scene.SetActive(false); // so that it wakes with all its settings, as it does in a scene
            _target = new RenderTexture(512, 512, 0);
            _receiver = scene.AddComponent<OmoteReceiver>();
            _receiver.endpoint = arguments[1];
            _receiver.format = Format(arguments[2]);
            _receiver.wantsPremultiplied = arguments[2].EndsWith(".premultiplied");
            _receiver.targetTexture = _target;
            _receiver.targetRenderer = scene.AddComponent<MeshRenderer>();
            _receiver.onLive.AddListener(() => Program.Print("live"));
            _receiver.onStale.AddListener(() => Program.Print("stale"));
            _receiver.onTexture.AddListener(texture => Program.Print($"texture {texture.width} {texture.height}"));
            scene.SetActive(true);
            int count = int.Parse(arguments[5]);
            Program.Play(int.Parse(arguments[3]), () => IsDone(count));
        }

        private bool IsDone(int count)
        {
            var texture = (Texture2D)_receiver.texture;
            if (texture == null || _receiver.header.Sequence == _sequence) return false;
            _sequence = _receiver.header.Sequence;
            bool isShown = _target.Drawn == texture && ReferenceEquals(_receiver.targetRenderer.Property("_MainTex"), texture);
            uint crc = Pixels.Crc32(Pixels.TopFirstRgba(texture));
            object premultiplied = _receiver.targetRenderer.Property("_OmotePremultiplied");
            string size = $"{texture.width} {texture.height}";
            Program.Print($"picture {_receiver.header.Index} {size} {crc:x8} {premultiplied} {(isShown ? "shown" : "lost")}");
            return ++_seen >= count;
        }

        private static PictureFormat Format(string name)
        {
            if (name.StartsWith("bgra8")) return PictureFormat.Bgra8;
            if (name.StartsWith("jpeg+lz4a")) return PictureFormat.JpegLz4Alpha;
            return name == "jpeg" ? PictureFormat.Jpeg : PictureFormat.Rgba8;
        }
    }
}
