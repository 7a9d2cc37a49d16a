using UnityEngine;

namespace Omote
{
    /// <summary>The bones of a character that a face moves; each may be null.</summary>
    internal struct FaceRig
    {
        /// <summary>Looks along its z where the character does, y up; never null.</summary>
        public Transform Facing;

        /// <summary>Takes a share of the head's turn.</summary>
        public Transform Neck;

        public Transform Head;
        public Transform LeftEye;
        public Transform RightEye;

        /// <summary>Moves with the head's place: a hip or root bone.</summary>
        public Transform Body;

        /// <summary>0 to 1: how much of the head's turn the neck makes.</summary>
        public float NeckShare;

        /// <summary>Metres of the character for a metre of the performer; 0 keeps the body where it is.</summary>
        public float PlaceScale;
    }

    /// <summary>Turns bones of a character on top of what an Animator does with them, or of the rest that they had.</summary>
    /// <remarks>
    /// The axes of a bone are its artist's business; `Facing` says where the character looks. A turn is made about its axes, wherever the
    /// body has gone meanwhile; eyes turn in the frame of the turned head.
    /// </remarks>
    internal sealed class FaceBones
    {
        private readonly FaceRig _rig;
        private readonly Bone _neck;
        private readonly Bone _head;
        private readonly Bone _leftEye;
        private readonly Bone _rightEye;
        private readonly Place _body;

        public FaceBones(FaceRig rig)
        {
            _rig = rig;
            _neck = new Bone(rig.Neck);
            _head = new Bone(rig.Head);
            _leftEye = new Bone(rig.LeftEye);
            _rightEye = new Bone(rig.RightEye);
            _body = new Place(rig.Body);
        }

        public void Apply(FacePose pose)
        {
            Quaternion facing = _rig.Facing.rotation;
            _body.Move(facing * (pose.Place * _rig.PlaceScale));
            Quaternion ofNeck = _neck.IsThere ? Quaternion.Slerp(Quaternion.identity, pose.Head, _rig.NeckShare) : Quaternion.identity;
            _neck.Turn(facing, ofNeck);
            _head.Turn(facing, pose.Head * Quaternion.Inverse(ofNeck)); // the neck has turned it already
            Quaternion headFacing = _head.IsThere ? facing * pose.Head : facing;
            _leftEye.Turn(headFacing, pose.LeftEye);
            _rightEye.Turn(headFacing, pose.RightEye);
        }

        public void Restore()
        {
            _neck.Restore();
            _head.Restore();
            _leftEye.Restore();
            _rightEye.Restore();
            _body.Restore();
        }

        // A bone that still has what was written last was moved by nobody: it is turned from where it was before.
        private sealed class Bone
        {
            private readonly Transform _bone;
            private Quaternion _base;
            private Quaternion _written;

            public Bone(Transform bone)
            {
                _bone = bone;
                if (IsThere) _base = _written = bone.localRotation;
            }

            public bool IsThere => _bone != null;

            public void Turn(Quaternion frame, Quaternion turn)
            {
                if (!IsThere) return;
                Quaternion found = _bone.localRotation;
                if (!found.Equals(_written)) _base = found;
                Transform parent = _bone.parent;
                Quaternion rest = parent == null ? _base : parent.rotation * _base;
                _bone.rotation = frame * turn * Quaternion.Inverse(frame) * rest;
                _written = _bone.localRotation;
            }

            public void Restore()
            {
                if (IsThere && _bone.localRotation.Equals(_written)) _bone.localRotation = _base;
            }
        }

        private sealed class Place
        {
            private readonly Transform _body;
            private Vector3 _base;
            private Vector3 _written;

            public Place(Transform body)
            {
                _body = body;
                if (_body != null) _base = _written = body.localPosition;
            }

            public void Move(Vector3 offset)
            {
                if (_body == null) return;
                Vector3 found = _body.localPosition;
                if (!found.Equals(_written)) _base = found;
                _body.localPosition = _base;
                _body.position = _body.position + offset;
                _written = _body.localPosition;
            }

            public void Restore()
            {
                if (_body != null && _body.localPosition.Equals(_written)) _body.localPosition = _base;
            }
        }
    }
}
