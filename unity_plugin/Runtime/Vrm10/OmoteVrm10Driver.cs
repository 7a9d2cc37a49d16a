using System.Collections.Generic;
using UniVRM10;
using UnityEngine;

namespace Omote
{
    /// <summary>Moves a VRM 1.0 model: its 52 custom expressions where it has them, else VRM's presets; and where it looks.</summary>
    /// <remarks>
    /// Vrm10Instance applies its expressions in its own LateUpdate, whose execution order is 11000: what is set here, in the driver's
    /// LateUpdate, is shown in the same frame. Expressions that do not belong to the face stay as others set them.
    /// </remarks>
    [AddComponentMenu("Omote/Omote VRM 1.0 Driver")]
    [RequireComponent(typeof(OmoteFaceDriver))]
    public sealed class OmoteVrm10Driver : MonoBehaviour
    {
        [Tooltip("Empty: the one on this object.")]
        [SerializeField] private Vrm10Instance _instance = null;

        [Tooltip("Turns the eyes by the model's LookAt. Off where the driver's eye bones or the model's eyeLook expressions do.")]
        [SerializeField] private bool _drivesLookAt = true;

        private readonly Dictionary<ExpressionKey, float> _weights = new Dictionary<ExpressionKey, float>(ExpressionKey.Comparer);
        private OmoteFaceDriver _driver;
        private Vrm10Instance _matched;
        private ExpressionKey[] _keys;
        private int[] _sources;

        /// <summary>The model; null: the one on this object.</summary>
        public Vrm10Instance instance
        {
            get { return _instance; }
            set { _instance = value; }
        }

        /// <summary>True turns the eyes by the model's LookAt.</summary>
        public bool drivesLookAt
        {
            get { return _drivesLookAt; }
            set { _drivesLookAt = value; }
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
            _matched.Runtime.Expression.SetWeightsNonAlloc(_weights);
            _matched = null;
        }

        private void Follow()
        {
            Vrm10Instance model = _instance == null ? GetComponent<Vrm10Instance>() : _instance;
            if (model == null) return;
            if (model != _matched) Match(model);
            FaceValues values = _driver.values;
            for (int i = 0; i < _keys.Length; i++)
                if (_sources[i] != FaceValues.None) _weights[_keys[i]] = values[_sources[i]];
            // All at once: in older versions each single weight applied the whole model.
            model.Runtime.Expression.SetWeightsNonAlloc(_weights);
            if (_drivesLookAt) Look(model);
        }

        private void Match(Vrm10Instance model)
        {
            IReadOnlyList<ExpressionKey> keys = model.Runtime.Expression.ExpressionKeys;
            var names = new string[keys.Count];
            _keys = new ExpressionKey[keys.Count];
            for (int i = 0; i < names.Length; i++)
            {
                _keys[i] = keys[i];
                names[i] = keys[i].Name;
            }
            _sources = FaceValues.Match(_driver.weightNames, names);
            _weights.Clear();
            _matched = model;
        }

        // Right and up are positive; both eyes look the same way.
        private void Look(Vrm10Instance model)
        {
            Vector3 left = _driver.pose.LeftEye * Vector3.forward, right = _driver.pose.RightEye * Vector3.forward;
            Vector3 gaze = left + right;
            float yaw = Mathf.Atan2(gaze.x, gaze.z) * Mathf.Rad2Deg;
            float pitch = Mathf.Atan2(gaze.y, gaze.z) * Mathf.Rad2Deg;
            model.Runtime.LookAt.SetYawPitchManually(yaw, pitch);
        }
    }
}
