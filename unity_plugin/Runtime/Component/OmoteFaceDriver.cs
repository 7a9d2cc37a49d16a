using System.Collections.Generic;
using UnityEngine;

namespace Omote
{
    /// <summary>Moves a head of your own: blend shapes named like ARKit's, and head and eye bones where you name them.</summary>
    [AddComponentMenu("Omote/Omote Face Driver")]
    public sealed partial class OmoteFaceDriver : OmoteFeed
    {
        private readonly FacePose _wanted = new FacePose();
        private readonly FacePose _pose = new FacePose();
        private readonly FaceValues _values = new FaceValues();
        private readonly List<ShapeTarget> _targets = new List<ShapeTarget>();
        private readonly Expressions _expressions = new Expressions();
        private FaceBones _bones;
        private IReadOnlyList<string> _names;
        private bool _hasFace;
        private bool _isBound;

        private void OnEnable()
        {
            _hasFace = false;
            TakeBones();
        }

        // After the animator, which writes bones and shapes in between.
        private void LateUpdate()
        {
            Receiver receiver = Open();
            if (receiver == null) return;
            if (receiver.TryTake(out ParamsFrame frame)) Take(frame);
            Watch();
            if (!_hasFace || receiver.Schema == null) return;
            Move(receiver.Schema.Weights);
        }

        /// <summary>Moves shapes and bones to this face, whose weights have these names.</summary>
        internal void Show(ParamsFrame frame, IReadOnlyList<string> names)
        {
            Take(frame);
            Move(names);
        }

        protected override void OnDisable()
        {
            base.OnDisable();
            _expressions.Rest(_onExpressionEnded.Invoke);
            if (_restoresOnDisable && _hasFace) Restore();
            _targets.Clear();
            _isBound = false;
        }

        protected override void OnValidate()
        {
            base.OnValidate();
            // The inspector adds an override as zeros, and a gain of 0 would look like a shape that does not work.
            foreach (ShapeOverride each in _overrides)
            {
                if (each.arkit == "" && each.shape == "" && each.gain == 0) each.gain = 1;
            }
            Unbind();
        }

        internal override void Choose(ReceiverSettings settings) { settings.Kinds = Kinds.Params | Kinds.Schema; }

        internal override void OnLiveChanged(bool isLiveNow)
        {
            if (isLiveNow) return;
            if (_restsWhenStale) _wanted.Rest();
            _expressions.Rest(_onExpressionEnded.Invoke);
        }

        private void Take(ParamsFrame frame)
        {
            _wanted.Read(frame, _source);
            _confidence = frame.Confidence;
            _presence = frame.Presence;
            _hasFace = true;
            if (!ReferenceEquals(_expressions.Now, frame.Recognised)) Tell(frame.Recognised);
        }

        private void Tell(IReadOnlyList<string> recognised)
        {
            _expressions.Follow(recognised, _onExpressionBegan.Invoke, _onExpressionEnded.Invoke);
        }

        private void TakeBones()
        {
            _bones = new FaceBones(new FaceRig
            {
                Facing = _facing == null ? transform : _facing,
                Neck = _neck,
                Head = _head,
                LeftEye = _leftEye,
                RightEye = _rightEye,
                Body = _body,
                NeckShare = _neckShare,
                PlaceScale = _translationScale,
            });
        }

        // Names are matched once for a mesh, and again where a renderer got another one.
        private void Bind(IReadOnlyList<string> names)
        {
            if (_isBound && _targets.TrueForAll(each => each.IsCurrent)) return;
            Unbind();
            _isBound = true;
            foreach (SkinnedMeshRenderer each in _renderers)
            {
                if (each != null) _targets.Add(new ShapeTarget(each, names, _overrides));
            }
        }

        private void Unbind()
        {
            foreach (ShapeTarget each in _targets) each.Restore();
            _targets.Clear();
            _isBound = false;
        }

        private void Move(IReadOnlyList<string> names)
        {
            Bind(names);
            _pose.Follow(_wanted, _smoothing > 0 ? 1 - Mathf.Exp(-Time.deltaTime / _smoothing) : 1);
            _names = names;
            _values.Take(_names, _pose.Weights);
            foreach (ShapeTarget each in _targets) each.Apply(_values);
            _bones.Apply(_pose);
            Moved?.Invoke();
        }

        private void Restore()
        {
            foreach (ShapeTarget each in _targets) each.Restore();
            _bones.Restore();
        }
    }
}
