using System;
using System.Collections.Generic;
using UnityEngine;
using UnityEngine.Events;

namespace Omote
{
    public sealed partial class OmoteFaceDriver
    {
        [Tooltip("Shown: what the portrait does, with rest and expressions. Seen: what the tracker saw.")]
        [SerializeField] private FaceSource _source = FaceSource.Shown;

        [Tooltip("Their blend shapes follow the ARKit weights, found by name.")]
        [SerializeField] private SkinnedMeshRenderer[] _renderers = new SkinnedMeshRenderer[0];

        [Tooltip("Where a name or a strength has to be another.")]
        [SerializeField] private ShapeOverride[] _overrides = new ShapeOverride[0];

        [Tooltip("Looks along its z where the character does, y up; the bones turn about its axes. Empty: this object. "
            + "Not the head itself, nor below it.")]
        [SerializeField] private Transform _facing = null;

        [Tooltip("Turns with the head; may be empty.")]
        [SerializeField] private Transform _head = null;

        [Tooltip("Takes a share of the head's turn; may be empty.")]
        [SerializeField] private Transform _neck = null;

        [Tooltip("How much of the head's turn the neck makes.")]
        [Range(0, 1)]
        [SerializeField] private float _neckShare = 0.4f;

        [Tooltip("Moves as the performer's head does: the hips or the root of the character; may be empty.")]
        [SerializeField] private Transform _body = null;

        [Tooltip("Metres of the character for a metre of the performer.")]
        [SerializeField] private float _translationScale = 1;

        [Tooltip("The character's own left; may be empty.")]
        [SerializeField] private Transform _leftEye = null;

        [Tooltip("The character's own right; may be empty.")]
        [SerializeField] private Transform _rightEye = null;

        [Tooltip("Seconds in which a change mostly arrives; 0: at once. It adds as much delay.")]
        [Min(0)]
        [SerializeField] private float _smoothing = 0;

        [Tooltip("Goes to rest when nothing comes any more, instead of keeping the last face.")]
        [SerializeField] private bool _restsWhenStale = true;

        [Tooltip("Puts shapes and bones back when this is switched off.")]
        [SerializeField] private bool _restoresOnDisable = true;

        [Tooltip("The performer begins to make an expression: smile, blink, brow_raise and the like.")]
        [SerializeField] private ExpressionEvent _onExpressionBegan = new ExpressionEvent();

        [Tooltip("The performer makes it no longer, or nothing comes any more.")]
        [SerializeField] private ExpressionEvent _onExpressionEnded = new ExpressionEvent();

        private float _confidence;
        private float _presence;

        public OmoteFaceDriver() : base(ReceiverSettings.DefaultParams) { }

        /// <summary>An event that hands on the name of an expression.</summary>
        [Serializable]
        public sealed class ExpressionEvent : UnityEvent<string> { }

        /// <summary>The performer begins to make an expression; one that comes and goes within a frame is not told of.</summary>
        public ExpressionEvent onExpressionBegan => _onExpressionBegan;

        /// <summary>The performer makes it no longer, or nothing comes any more.</summary>
        public ExpressionEvent onExpressionEnded => _onExpressionEnded;

        /// <summary>The expressions that the performer makes now, by name.</summary>
        public IReadOnlyList<string> recognised => _expressions.Now;

        /// <summary>Which face it follows.</summary>
        public FaceSource source
        {
            get { return _source; }
            set { _source = value; }
        }

        /// <summary>Their blend shapes follow the weights.</summary>
        public SkinnedMeshRenderer[] renderers
        {
            get { return _renderers; }
            set { Rebind(ref _renderers, value ?? new SkinnedMeshRenderer[0]); }
        }

        /// <summary>Where a name or a strength has to be another; set it anew after a change.</summary>
        public ShapeOverride[] overrides
        {
            get { return _overrides; }
            set { Rebind(ref _overrides, value ?? new ShapeOverride[0]); }
        }

        /// <summary>Seconds in which a change mostly arrives; 0: at once.</summary>
        public float smoothing
        {
            get { return _smoothing; }
            set { _smoothing = Mathf.Max(0, value); }
        }

        /// <summary>True goes to rest when nothing comes any more, false keeps the last face.</summary>
        public bool restsWhenStale
        {
            get { return _restsWhenStale; }
            set { _restsWhenStale = value; }
        }

        /// <summary>True puts shapes and bones back when this is switched off.</summary>
        public bool restoresOnDisable
        {
            get { return _restoresOnDisable; }
            set { _restoresOnDisable = value; }
        }

        /// <summary>0 where the tracker sees no face, else how well it fits, to 1.</summary>
        public float confidence => _confidence;

        /// <summary>1 the performer's face, 0 the idle one; between, it eases from one to the other.</summary>
        public float presence => _presence;

        internal IReadOnlyList<ShapeTarget> targets => _targets;

        /// <summary>The bones and the body that it moves; some may be null.</summary>
        internal Transform[] moved => new[] { _neck, _head, _leftEye, _rightEye, _body };

        /// <summary>The weights and presets that are shown now.</summary>
        internal FaceValues values => _values;

        /// <summary>The turns of the eyes that are shown now.</summary>
        internal FacePose pose => _pose;

        /// <summary>The names of the weights; null before Omote has sent them.</summary>
        internal IReadOnlyList<string> weightNames => _names;

        /// <summary>Shapes and bones were moved, late in each frame in which there is a face.</summary>
        internal event Action Moved;

        /// <summary>Names the bones that turn; `facing` looks along its z where the character does. Null: not moved.</summary>
        public void SetBones(Transform facing, Transform head, Transform leftEye, Transform rightEye)
        {
            if (isActiveAndEnabled && _bones != null) _bones.Restore();
            _facing = facing;
            _head = head;
            _leftEye = leftEye;
            _rightEye = rightEye;
            if (isActiveAndEnabled) TakeBones();
        }

        /// <summary>The neck, which makes this share of the head's turn, 0 to 1; null: the head makes all of it.</summary>
        public void SetNeck(Transform neck, float share)
        {
            if (isActiveAndEnabled && _bones != null) _bones.Restore();
            _neck = neck;
            _neckShare = Mathf.Clamp01(share);
            if (isActiveAndEnabled) TakeBones();
        }

        /// <summary>What moves as the performer's head does, and by how many metres for one of theirs; null: nothing.</summary>
        public void SetBody(Transform body, float scale)
        {
            if (isActiveAndEnabled && _bones != null) _bones.Restore();
            _body = body;
            _translationScale = scale;
            if (isActiveAndEnabled) TakeBones();
        }

        private void Rebind<T>(ref T setting, T value)
        {
            setting = value;
            Unbind();
        }
    }
}
