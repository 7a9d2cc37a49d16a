using System;
using System.Linq;
using NUnit.Framework;
using UnityEngine;

namespace Omote.Tests
{
    [TestFixture]
    public class FaceTests
    {
        private static SkinnedMeshRenderer Skin(params string[] shapes)
        {
            var skin = new GameObject("skin").AddComponent<SkinnedMeshRenderer>();
            skin.sharedMesh = new Mesh(shapes);
            return skin;
        }

        private static ShapeTarget Target(SkinnedMeshRenderer skin, params ShapeOverride[] overrides)
        {
            return new ShapeTarget(skin, Arkit.Names, overrides);
        }

        private static FaceValues Weights(string name, float value)
        {
            var weights = new float[52];
            weights[Arkit.Index(name)] = value;
            return Values(weights);
        }

        private static FaceValues Values(float[] weights)
        {
            var values = new FaceValues();
            values.Take(Arkit.Names, weights);
            return values;
        }

        private static FaceBones Bones(Transform facing, Transform head, Transform leftEye = null)
        {
            return new FaceBones(new FaceRig { Facing = facing, Head = head, LeftEye = leftEye });
        }

        private static void AreNear(Vector3 wanted, Vector3 found)
        {
            Assert.Less((wanted - found).magnitude, 1e-5f, $"wanted {wanted}, found {found}");
        }

        private static Transform Bone(Transform parent, Quaternion local)
        {
            var bone = new GameObject("bone").transform;
            if (parent != null) bone.SetParent(parent, false);
            bone.localRotation = local;
            return bone;
        }

        [Test]
        public void AFullWeightIsAHundred()
        {
            SkinnedMeshRenderer skin = Skin("basis", "blendShape1.jawOpen");
            Target(skin).Apply(Weights("jawOpen", 0.5f));
            Assert.AreEqual(50, skin["blendShape1.jawOpen"], 1e-4f);
        }

        [Test]
        public void AFullWeightIsOneWhereAGltfImporterMadeTheMesh()
        {
            SkinnedMeshRenderer skin = Skin("basis", "jawOpen");
            skin.sharedMesh.FrameWeight = 1;
            Target(skin).Apply(Weights("jawOpen", 0.5f));
            Assert.AreEqual(0.5f, skin["jawOpen"], 1e-6f);
        }

        [Test]
        public void GoingAwayPutsBackWhatWasThere()
        {
            SkinnedMeshRenderer skin = Skin("JawOpen");
            skin.SetBlendShapeWeight(0, 7);
            ShapeTarget target = Target(skin);
            target.Apply(Weights("jawOpen", 1));
            target.Restore();
            Assert.AreEqual(7, skin["JawOpen"]);
        }

        [Test]
        public void AnOverrideNamesAnotherShapeAndScalesIt()
        {
            SkinnedMeshRenderer skin = Skin("MouthO", "jawOpen", "tongueOut", "cheekPuff");
            ShapeTarget target = Target(
                skin,
                new ShapeOverride { arkit = "jaw_open", shape = "MouthO", gain = 1.5f },
                new ShapeOverride { arkit = "tongueOut", shape = "-" },
                new ShapeOverride { arkit = "cheekPuff", gain = 0.5f });
            var weights = new float[52];
            for (int i = 0; i < 52; i++) weights[i] = 1;
            target.Apply(Values(weights));
            Assert.AreEqual(150, skin["MouthO"], 1e-4f);
            Assert.AreEqual(0, skin["jawOpen"]);
            Assert.AreEqual(0, skin["tongueOut"]);
            Assert.AreEqual(50, skin["cheekPuff"], 1e-4f);
        }

        [Test]
        public void WhatAMeshLacksIsNamed()
        {
            SkinnedMeshRenderer skin = Skin("jawOpen", "cheekPuff");
            ShapeTarget target = Target(skin);
            Assert.AreEqual(50, target.Missing.Count);
            Assert.False(target.Missing.Contains("jawOpen"));
        }

        [Test]
        public void AnotherMeshAsksForANewMatch()
        {
            SkinnedMeshRenderer skin = Skin("jawOpen");
            ShapeTarget target = Target(skin);
            Assert.True(target.IsCurrent);
            skin.sharedMesh = new Mesh("jawOpen");
            Assert.False(target.IsCurrent);
        }

        [Test]
        public void AHeadTurnsAboutTheCharactersAxesWhateverItsBonesAre()
        {
            Transform body = Bone(null, Quaternion.Euler(0, 90, 0)); // looks along world +x
            Transform neck = Bone(body, Quaternion.Euler(-90, 20, 10));
            Transform head = Bone(neck, Quaternion.Euler(30, 40, 50));
            Vector3 nose = Quaternion.Inverse(head.rotation) * Vector3.right; // the nose in the bone's own axes
            var bones = Bones(body, head);
            bones.Apply(new FacePose { Head = Quaternion.Euler(0, -90, 0) }); // to its left, which is world +z
            AreNear(Vector3.forward, head.rotation * nose);
            body.localRotation = Quaternion.identity; // the body goes on turning: now it looks along +z, its left is -x
            bones.Apply(new FacePose { Head = Quaternion.Euler(0, -90, 0) });
            AreNear(Vector3.left, head.rotation * nose);
        }

        [Test]
        public void EyesTurnInTheFrameOfTheTurnedHead()
        {
            Transform body = Bone(null, Quaternion.identity);
            Transform head = Bone(body, Quaternion.Euler(15, 0, 0));
            Transform eye = Bone(head, Quaternion.Euler(0, 70, 0));
            Vector3 pupil = Quaternion.Inverse(eye.rotation) * Vector3.forward;
            var bones = Bones(body, head, eye);
            var pose = new FacePose { Head = Quaternion.Euler(0, -90, 0), LeftEye = Quaternion.Euler(90, 0, 0) };
            bones.Apply(pose);
            AreNear(new Vector3(0, -1, 0), eye.rotation * pupil);
            pose.LeftEye = Quaternion.Euler(0, -90, 0);
            bones.Apply(pose);
            AreNear(Vector3.back, eye.rotation * pupil); // left of what is left already
        }

        [Test]
        public void BonesGoBackToTheirRest()
        {
            Transform head = Bone(null, Quaternion.Euler(15, 25, 35));
            var bones = Bones(Bone(null, Quaternion.identity), head);
            Vector3 before = head.rotation * Vector3.forward;
            bones.Apply(new FacePose { Head = Quaternion.Euler(40, 0, 0) });
            bones.Restore();
            AreNear(before, head.rotation * Vector3.forward);
        }

        [Test]
        public void AHeadTurnsOnTopOfWhatAnAnimatorDoes()
        {
            Transform head = Bone(null, Quaternion.identity);
            FaceBones bones = Bones(Bone(null, Quaternion.identity), head);
            var pose = new FacePose { Head = Quaternion.Euler(0, -30, 0) };
            foreach (float nod in new[] { 10f, 20f })
            {
                head.localRotation = Quaternion.Euler(nod, 0, 0); // as an animator does in each frame
                bones.Apply(pose);
                AreNear(Quaternion.Euler(0, -30, 0) * Quaternion.Euler(nod, 0, 0) * Vector3.forward, head.rotation * Vector3.forward);
            }
            bones.Apply(pose); // nothing has moved it in between: it must not go on turning
            AreNear(Quaternion.Euler(0, -30, 0) * Quaternion.Euler(20, 0, 0) * Vector3.forward, head.rotation * Vector3.forward);
            bones.Restore();
            AreNear(Quaternion.Euler(20, 0, 0) * Vector3.forward, head.rotation * Vector3.forward);
        }

        [Test]
        public void ANeckTakesItsShareAndTheHeadArrivesWhereItShould()
        {
            Transform neck = Bone(null, Quaternion.Euler(20, 30, 40));
            Transform head = Bone(neck, Quaternion.Euler(-10, 50, 5));
            Vector3 nose = Quaternion.Inverse(head.rotation) * Vector3.forward, nape = Quaternion.Inverse(neck.rotation) * Vector3.forward;
            var rig = new FaceRig { Facing = Bone(null, Quaternion.identity), Neck = neck, Head = head, NeckShare = 0.25f };
            new FaceBones(rig).Apply(new FacePose { Head = Quaternion.Euler(0, 40, 0) });
            AreNear(Quaternion.Euler(0, 10, 0) * Vector3.forward, neck.rotation * nape);
            AreNear(Quaternion.Euler(0, 40, 0) * Vector3.forward, head.rotation * nose);
        }

        [Test]
        public void ABodyMovesWithTheHeadsPlaceAndBack()
        {
            Transform facing = Bone(null, Quaternion.Euler(0, 90, 0)), body = Bone(null, Quaternion.identity); // looks along world +x
            body.localPosition = new Vector3(1, 2, 3);
            var bones = new FaceBones(new FaceRig { Facing = facing, Body = body, PlaceScale = 2 });
            var frame = new ParamsFrame();
            frame.Translation[0] = 0.1f; // to its left, which is world +z
            frame.Translation[2] = 0.2f; // ahead
            var pose = new FacePose();
            pose.Read(frame, FaceSource.Shown);
            for (int i = 0; i < 2; i++)
            {
                bones.Apply(pose);
                AreNear(new Vector3(1.4f, 2, 3.2f), body.localPosition);
            }
            bones.Restore();
            AreNear(new Vector3(1, 2, 3), body.localPosition);
        }

        [Test]
        public void ShownAndSeenAreReadFromTheirOwnFields()
        {
            var frame = new ParamsFrame();
            frame.Weights[3] = 0.3f;
            frame.ShownWeights[3] = 0.4f;
            frame.HeadRotation[1] = 0.1f;
            frame.NeckPose[1] = 0.2f;
            frame.Gaze[3] = 0.15f;
            frame.EyePose[4] = 0.25f;
            var pose = new FacePose();
            pose.Read(frame, FaceSource.Seen);
            Assert.AreEqual(0.3f, pose.Weights[3]);
            Assert.AreEqual(-Mathf.Sin(0.1f), (pose.Head * Vector3.forward).x, 1e-6f);
            Assert.AreEqual(-Mathf.Sin(0.15f), (pose.RightEye * Vector3.forward).x, 1e-6f);
            pose.Read(frame, FaceSource.Shown);
            Assert.AreEqual(0.4f, pose.Weights[3]);
            Assert.AreEqual(-Mathf.Sin(0.2f), (pose.Head * Vector3.forward).x, 1e-6f);
            Assert.AreEqual(-Mathf.Sin(0.25f), (pose.RightEye * Vector3.forward).x, 1e-6f);
            AreNear(Vector3.forward, pose.LeftEye * Vector3.forward);
        }

        [Test]
        public void NothingIsAllocatedFromFaceToFace()
        {
            SkinnedMeshRenderer skin = Skin(Arkit.Names);
            ShapeTarget target = Target(skin);
            var bones = Bones(skin.transform, Bone(skin.transform, Quaternion.identity));
            var frame = new ParamsFrame();
            var values = new FaceValues();
            FacePose wanted = new FacePose(), pose = new FacePose();
            long before = 0;
            for (int i = 0; i < 1001; i++)
            {
                if (i == 1) before = GC.GetAllocatedBytesForCurrentThread();
                wanted.Read(frame, FaceSource.Shown);
                pose.Follow(wanted, 0.5f);
                values.Take(Arkit.Names, pose.Weights);
                target.Apply(values);
                bones.Apply(pose);
            }
            Assert.AreEqual(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        [Test]
        public void FollowingGoesThatPartOfTheWay()
        {
            var wanted = new FacePose { Head = Quaternion.Euler(0, 40, 0) };
            wanted.Weights[0] = 1;
            var pose = new FacePose();
            pose.Follow(wanted, 0.25f);
            Assert.AreEqual(0.25f, pose.Weights[0]);
            AreNear(Quaternion.Euler(0, 10, 0) * Vector3.forward, pose.Head * Vector3.forward);
            pose.Follow(wanted, 1);
            Assert.AreEqual(1, pose.Weights[0]);
        }
    }
}
