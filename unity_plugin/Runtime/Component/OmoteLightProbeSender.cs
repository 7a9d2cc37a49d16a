using System;
using UnityEngine;

namespace Omote
{
    /// <summary>Lights the portrait with the light of the scene at the place where it stands.</summary>
    [AddComponentMenu("Omote/Omote Light Probe Sender")]
    [RequireComponent(typeof(OmoteControl))]
    [DisallowMultipleComponent]
    public sealed partial class OmoteLightProbeSender : MonoBehaviour
    {
        private const float Limit = 100; // of a harmonic, by the wire
        private const float Notable = 1f / 128; // of the strongest harmonic: less is not seen in 8 bits

        private readonly float[] _light = new float[Harmonics.Count];
        private readonly float[] _sent = new float[Harmonics.Count];
        private OmoteControl _control;
        private bool _hasSent;
        private float _nextTime;

        private void OnEnable()
        {
            _control = GetComponent<OmoteControl>();
            _control.onConnected.AddListener(Forget);
            _control.Closing += RestoreStudio;
            Forget();
        }

        private void Update()
        {
            if (!_control.isConnected || Time.unscaledTime < _nextTime) return;
            Read();
            if (_hasSent && !HasChanged()) return;
            _nextTime = Time.unscaledTime + 1 / _maxRate;
            Array.Copy(_light, _sent, _light.Length);
            _hasSent = true;
            _control.SetLight((float[])_light.Clone());
        }

        private void OnDisable()
        {
            RestoreStudio();
            _control.Closing -= RestoreStudio;
            _control.onConnected.RemoveListener(Forget);
        }

        // The portrait's frame: x to the right and y up in the picture, z to who looks at it. A quad shows its front to its back axis.
        private void Read()
        {
            Transform place = _probeAt == null ? transform : _probeAt;
            SceneLight.Read(place.position, _light);
            foreach (Light each in _lights) SceneLight.Add(each, place.position, _light);
            Harmonics.Turn(_light, place.right, place.up, -place.forward);
            for (int i = 0; i < _light.Length; i++) _light[i] = Mathf.Clamp(_light[i] * _intensity, -Limit, Limit);
        }

        private bool HasChanged()
        {
            float strongest = 0, change = 0;
            for (int i = 0; i < _light.Length; i++)
            {
                strongest = Mathf.Max(strongest, Mathf.Abs(_sent[i]));
                change = Mathf.Max(change, Mathf.Abs(_light[i] - _sent[i]));
            }
            return change > strongest * Notable;
        }

        // Omote may have been started anew, with the studio's light.
        private void Forget()
        {
            _hasSent = false;
            _nextTime = 0;
        }

        private void RestoreStudio()
        {
            if (_hasSent) _control.SetStudioLight();
            _hasSent = false;
        }
    }
}
