using System.Collections.Generic;
using Stubs;
using UnityEngine;

namespace Omote.Tests.Live
{
    /// <summary>`control ENDPOINT`: the scene's light goes out, then each button is pressed once; the end restores the light.</summary>
    internal sealed class ControlScene
    {
        private readonly List<string> _done = new List<string>();

        public static void Run(string[] arguments)
        {
            Engine.Play();
            new ControlScene().Play(arguments[1]);
            Engine.Stop();
            Program.Print("stopped");
        }

        private void Play(string endpoint)
        {
            var sun = new GameObject("sun").AddComponent<Light>();
            sun.type = LightType.Directional; // shines along +z
            var scene = new GameObject("portrait");
            scene.SetActive(false);
            var sender = scene.AddComponent<OmoteLightProbeSender>();
            sender.lights = new[] { sun };
            var control = scene.GetComponent<OmoteControl>();
            control.endpoint = endpoint;
            control.onConnected.AddListener(() => Program.Print("connected"));
            control.onReply.AddListener(Note);
            control.onError.AddListener(text => Note("error " + text));
            scene.SetActive(true);
            Program.Play(60, () => _done.Contains("set_light"));
            // The light does not change any more, so nothing more of it is sent.
            control.SetExpression("smile");
            Program.Play(60, () => _done.Contains("set_expression"));
            control.SetCharacter("nobody");
            Program.Play(60, () => _done.Exists(each => each.StartsWith("error")));
            control.Recalibrate();
            Program.Play(60, () => _done.Contains("recalibrate"));
        }

        private void Note(string text)
        {
            _done.Add(text);
            Program.Print(text);
        }
    }
}
