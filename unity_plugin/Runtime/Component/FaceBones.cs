using UnityEngine;

namespace Omote
{
    /// <summary>Head and eye bones of a character, turned from the rest they had when this was made.</summary>
    /// <remarks>
    /// The axes of a bone are its artist's business; `facing` says where the character looks (along its z, y up). A turn is made about
    /// the axes of `facing`, wherever the body has gone meanwhile; eyes turn in the frame of the turned head.
    /// </remarks>
    internal sealed class FaceBones
    {
        private readonly Transform _facing;
        private readonly Bone _head;
        private readonly Bone _leftEye;
        private readonly Bone _rightEye;

        public FaceBones(Transform facing, Transform head, Transform leftEye, Transform rightEye)
        {
            _facing = facing;
            _head = new Bone(head);
            _leftEye = new Bone(leftEye);
            _rightEye = new Bone(rightEye);
        }

        public void Apply(FacePose pose)
        {
            Quaternion facing = _facing.rotation;
            _head.Turn(facing, pose.Head);
            Quaternion headFacing = _head.IsThere ? facing * pose.Head : facing;
            _leftEye.Turn(headFacing, pose.LeftEye);
            _rightEye.Turn(headFacing, pose.RightEye);
        }

        public void Restore()
        {
            _head.Restore();
            _leftEye.Restore();
            _rightEye.Restore();
        }

        private struct Bone
        {
            private readonly Transform _bone;
            private readonly Quaternion _rest;

            public Bone(Transform bone)
            {
                _bone = bone;
                _rest = bone == null ? Quaternion.identity : bone.localRotation;
            }

            public bool IsThere => _bone != null;

            public void Turn(Quaternion frame, Quaternion turn)
            {
                if (!IsThere) return;
                Transform parent = _bone.parent;
                Quaternion rest = parent == null ? _rest : parent.rotation * _rest;
                _bone.rotation = frame * turn * Quaternion.Inverse(frame) * rest;
            }

            public void Restore()
            {
                if (IsThere) _bone.localRotation = _rest;
            }
        }
    }
}
