using System.Collections.Generic;
using UnityEngine;
using VRM;

namespace Omote
{
    /// <summary>Moves a VRM 0.x model by its VRMBlendShapeProxy: its 52 clips where it has them, else VRM's presets.</summary>
    /// <remarks>Clips that do not belong to the face stay as others set them.</remarks>
    [AddComponentMenu("Omote/Omote VRM 0.x Driver")]
    [RequireComponent(typeof(OmoteFaceDriver))]
    public sealed class OmoteVrm0Driver : MonoBehaviour
    {
        [Tooltip("Empty: the one on this object.")]
        [SerializeField] private VRMBlendShapeProxy _proxy = null;

        private readonly Dictionary<BlendShapeKey, float> _weights = new Dictionary<BlendShapeKey, float>();
        private OmoteFaceDriver _driver;
        private VRMBlendShapeProxy _matched;
        private BlendShapeKey[] _keys;
        private int[] _sources;

        /// <summary>The model's proxy; null: the one on this object.</summary>
        public VRMBlendShapeProxy proxy
        {
            get { return _proxy; }
            set { _proxy = value; }
        }

        private void OnEnable()
        {
            _driver = GetComponent<OmoteFaceDriver>();
            _driver.Moved += Follow;
        }

        private void OnDisable()
        {
            _driver.Moved -= Follow;
            if (_matched == null) return;
            for (int i = 0; i < _keys.Length; i++)
                if (_sources[i] != FaceValues.None) _weights[_keys[i]] = 0;
            _matched.SetValues(_weights);
            _matched = null;
        }

        private void Follow()
        {
            VRMBlendShapeProxy model = _proxy == null ? GetComponent<VRMBlendShapeProxy>() : _proxy;
            if (model == null) return;
            if (model != _matched && !Match(model)) return;
            FaceValues values = _driver.values;
            for (int i = 0; i < _keys.Length; i++)
                if (_sources[i] != FaceValues.None) _weights[_keys[i]] = values[_sources[i]];
            model.SetValues(_weights); // all at once: clips that share a shape add up
        }

        // False before the proxy's own Start, which makes its clips known.
        private bool Match(VRMBlendShapeProxy model)
        {
            var keys = new List<BlendShapeKey>();
            var names = new List<string>();
            foreach (KeyValuePair<BlendShapeKey, float> each in model.GetValues())
            {
                keys.Add(each.Key);
                names.Add(each.Key.Name);
            }
            if (keys.Count == 0) return false;
            _keys = keys.ToArray();
            _sources = FaceValues.Match(_driver.weightNames, names);
            _weights.Clear();
            _matched = model;
            return true;
        }
    }
}
