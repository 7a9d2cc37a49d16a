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

        private static float[] Weights(string name, float value)
        {
            var weights = new float[52];
            weights[Arkit.Index(name)] = value;
            return weights;
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
            target.Apply(weights);
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
            var bones = new FaceBones(body, head, null, null);
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
            var bones = new FaceBones(body, head, eye, null);
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
            var bones = new FaceBones(Bone(null, Quaternion.identity), head, null, null);
            Vector3 before = head.rotation * Vector3.forward;
            bones.Apply(new FacePose { Head = Quaternion.Euler(40, 0, 0) });
            bones.Restore();
            AreNear(before, head.rotation * Vector3.forward);
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
            var bones = new FaceBones(skin.transform, Bone(skin.transform, Quaternion.identity), null, null);
            var frame = new ParamsFrame();
            FacePose wanted = new FacePose(), pose = new FacePose();
            long before = 0;
            for (int i = 0; i < 1001; i++)
            {
                if (i == 1) before = GC.GetAllocatedBytesForCurrentThread();
                wanted.Read(frame, FaceSource.Shown);
                pose.Follow(wanted, 0.5f);
                target.Apply(pose.Weights);
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
