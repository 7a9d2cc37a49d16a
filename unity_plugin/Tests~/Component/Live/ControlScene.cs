using System;
using System.Collections.Generic;
using Stubs;
using UnityEngine;

namespace Omote.Tests.Live
{
    /// <summary>`control ENDPOINT`: light is sent, stays, turns and is taken back; each button is pressed once; the end takes it back again.</summary>
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
            // The light does not change, so nothing more of it is sent meanwhile.
            control.SetExpression("smile");
            Program.Play(60, () => _done.Contains("set_expression"));
            sun.transform.rotation = Quaternion.AngleAxis(90, Vector3.right); // now it shines from above
            Program.Play(60, () => CountLights() == 2);
            sender.enabled = false;
            Program.Play(60, () => CountLights() == 3);
            sender.enabled = true;
            Program.Play(60, () => CountLights() == 4 && control.clock != null);
            ClockReading clock = control.clock; // on one machine there is one clock
            Program.Print($"clock {clock.Session} {Math.Abs(clock.OffsetNs) <= clock.UncertaintyNs}");
            control.SetCharacter("nobody");
            Program.Play(60, () => _done.Exists(each => each.StartsWith("error")));
            control.Recalibrate();
            Program.Play(60, () => _done.Contains("recalibrate"));
        }

        private int CountLights() { return _done.FindAll(each => each == "set_light").Count; }

        private void Note(string text)
        {
            _done.Add(text);
            Program.Print(text);
        }
    }
}
