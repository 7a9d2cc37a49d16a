using NUnit.Framework;
using UnityEngine;

namespace Omote.Tests
{
    /// <summary>Characters whose shapes have other names than ARKit's.</summary>
    [TestFixture]
    public class ShapeTableTests
    {
        private static SkinnedMeshRenderer Skin(string shapes)
        {
            var skin = new GameObject("skin").AddComponent<SkinnedMeshRenderer>();
            skin.sharedMesh = new Mesh(shapes.Split(' '));
            return skin;
        }

        private static FaceValues Values(params object[] named)
        {
            var weights = new float[52];
            for (int i = 0; i < named.Length; i += 2) weights[Arkit.Index((string)named[i])] = (float)named[i + 1];
            var values = new FaceValues();
            values.Take(Arkit.Names, weights);
            return values;
        }

        private static ShapeTarget Target(SkinnedMeshRenderer skin, params ShapeOverride[] overrides)
        {
            return new ShapeTarget(skin, Arkit.Names, overrides);
        }

        [TestCase("VRoid", "Face.M_F00_000_00_Fcl_MTH_A Fcl_MTH_I Fcl_MTH_U Fcl_EYE_Close_L", "Fcl_EYE_Close_L", "eyeBlinkLeft")]
        [TestCase("VRoid", "Fcl_MTH_A Fcl_MTH_I Fcl_MTH_U Fcl_EYE_Close_R", "Fcl_MTH_A", "jawOpen")]
        [TestCase("VRM presets", "A I U E O Blink_L Blink_R", "A", "jawOpen")]
        [TestCase("Reallusion", "Eye_L_Look_L Eye_L_Look_R Brow_Drop_L Cheek_Raise_L Mouth_Smile_L", "Eye_L_Look_L", "eyeLookOutLeft")]
        [TestCase("Reallusion", "Eye_R_Look_L Eye_L_Look_R Brow_Drop_L Cheek_Raise_L Mouth_L", "Mouth_L", "mouthLeft")]
        [TestCase("Reallusion", "Mouth_Pucker_Up_L Mouth_Pucker_Up_R Eye_L_Look_R Brow_Drop_L Jaw_R", "Mouth_Pucker_Up_R", "mouthPucker")]
        [TestCase("MetaHuman", "CTRL_expressions_mouthCornerPullL CTRL_expressions_eyeWidenR CTRL_expressions_jawFwd", "CTRL_expressions_mouthCornerPullL", "mouthSmileLeft")]
        [TestCase("MetaHuman", "head_CTRL_expressions_eyeLookLeftR CTRL_expressions_eyeWidenR CTRL_expressions_jawFwd", "head_CTRL_expressions_eyeLookLeftR", "eyeLookInRight")]
        public void KnownNamesAreDriven(string table, string shapes, string shape, string weight)
        {
            SkinnedMeshRenderer skin = Skin("Basis " + shapes);
            ShapeTarget target = Target(skin);
            Assert.AreEqual(table, target.Table.Name);
            target.Apply(Values(weight, 0.5f));
            foreach (string each in shapes.Split(' '))
            {
                bool follows = each == shape || shape.StartsWith("Mouth_Pucker") && each.StartsWith("Mouth_Pucker");
                Assert.AreEqual(follows ? 50 : 0, skin[each], 1e-4f, each);
            }
        }

        [Test]
        public void RocketboxHasArkitsNamesAndIsDrivenByThemAlone()
        {
            SkinnedMeshRenderer skin = Skin("AK_01_BrowDownLeft AK_25_JawOpen AU_26_JawDrop AA_VI_10_aa AK_44_MouthSmileLeft");
            ShapeTarget target = Target(skin);
            Assert.IsNull(target.Table);
            target.Apply(Values("jawOpen", 1f));
            Assert.AreEqual(100, skin["AK_25_JawOpen"]);
            Assert.AreEqual(0, skin["AA_VI_10_aa"]);
        }

        [Test]
        public void ArkitsOwnNamesComeBeforeAnyTable()
        {
            SkinnedMeshRenderer skin = Skin("Fcl_MTH_A Fcl_MTH_I Fcl_MTH_U " + string.Join(" ", Arkit.Names));
            ShapeTarget target = Target(skin);
            Assert.IsNull(target.Table);
            target.Apply(Values("jawOpen", 1f));
            Assert.AreEqual(100, skin["jawOpen"]);
            Assert.AreEqual(0, skin["Fcl_MTH_A"]);
        }

        [Test]
        public void AnOverrideHoldsInATableToo()
        {
            SkinnedMeshRenderer skin = Skin("CTRL_expressions_mouthCornerPullL CTRL_expressions_eyeWidenR CTRL_expressions_jawFwd");
            Target(skin, new ShapeOverride { arkit = "mouthSmileLeft", gain = 0.5f }).Apply(Values("mouthSmileLeft", 1f));
            Assert.AreEqual(50, skin["CTRL_expressions_mouthCornerPullL"], 1e-4f);
        }

        [Test]
        public void PresetsShareTheMouthAndTheLids()
        {
            FaceValues values = Values("jawOpen", 0.8f, "mouthPucker", 0.5f, "eyeBlinkLeft", 0.9f, "eyeBlinkRight", 0.4f);
            float[] found = new float[VrmPresets.Names.Length];
            for (int i = 0; i < found.Length; i++) found[i] = values[52 + i];
            float[] wanted = { 0.4f, 0, 0.1f, 0, 0.4f, 0.4f, 0.5f, 0, 0, 0, 0, 0 };
            Assert.That(found, Is.EqualTo(wanted).Within(1e-6f));
        }
    }
}
