using UnityEngine;

namespace Omote
{
    public sealed partial class OmoteLightProbeSender
    {
        [Tooltip("Where the portrait stands: the side that is seen faces its -z, as a Unity quad's does. Empty: this object.")]
        [SerializeField] private Transform _probeAt = null;

        [Tooltip("Directional, point and spot lights to add to the probes: those that are not baked into them.")]
        [SerializeField] private Light[] _lights = new Light[0];

        [Tooltip("How much of the scene's light falls on the portrait.")]
        [Min(0)]
        [SerializeField] private float _intensity = 1;

        [Tooltip("How often a second it may be sent, at most; it is sent only where it changed.")]
        [Range(1, 30)]
        [SerializeField] private float _maxRate = 10;

        /// <summary>Where the portrait stands, its seen side facing -z; null: this object.</summary>
        public Transform probeAt
        {
            get { return _probeAt; }
            set { _probeAt = value; }
        }

        /// <summary>Lights to add to the probes: those that are not baked into them.</summary>
        public Light[] lights
        {
            get { return _lights; }
            set { _lights = value ?? new Light[0]; }
        }

        /// <summary>How much of the scene's light falls on the portrait; 1: all of it.</summary>
        public float intensity
        {
            get { return _intensity; }
            set { _intensity = Mathf.Max(0, value); }
        }

        /// <summary>How often a second it may be sent, 1 to 30.</summary>
        public float maxRate
        {
            get { return _maxRate; }
            set { _maxRate = Mathf.Clamp(value, 1, 30); }
        }
    }
}
