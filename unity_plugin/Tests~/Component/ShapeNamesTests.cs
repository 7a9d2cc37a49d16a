using System;
using System.Collections.Generic;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Omote.Tests
{
    [TestFixture]
    public class ShapeNamesTests
    {
        private static readonly Func<string, string>[] _spellings =
        {
            name => name,
            name => "blendShape1." + name,
            name => char.ToUpperInvariant(name[0]) + name.Substring(1),
            name => name.ToLowerInvariant(),
            name => name.ToUpperInvariant(),
            Snake,
            name => Snake(name).ToUpperInvariant(),
            name => "ARKit_" + name + "_mesh01",
            name => "A25_" + Snake(name),
            name => Snake(name).Replace('_', ' '),
            name => "head|" + Snake(name).Replace('_', '-'),
            name => Regex.Replace(name, "(Left|Right)$", side => "_" + side.Value[0]),
            name => Regex.Replace(name, "(Left|Right)$", side => "." + char.ToLowerInvariant(side.Value[0])),
            name => "Face.M_" + Regex.Replace(name, "(Left|Right)$", side => side.Value.Substring(0, 1)),
        };

        private static string Snake(string name)
        {
            return Regex.Replace(name, "[A-Z]", letter => "_" + letter.Value.ToLowerInvariant());
        }

        [Test]
        public void EveryNameIsFoundInEverySpelling([ValueSource("_spellings")] Func<string, string> spell)
        {
            var shapes = new List<string> { "basis", "Wink", "vrc.v_aa" };
            foreach (string name in Arkit.Names) shapes.Add(spell(name));
            List<int>[] found = ShapeNames.Match(Arkit.Names, shapes);
            for (int i = 0; i < Arkit.Names.Length; i++)
            {
                Assert.AreEqual(new List<int> { i + 3 }, found[i], spell(Arkit.Names[i]));
            }
        }

        [Test]
        public void AMouthToTheLeftIsNoSmileOnTheLeft()
        {
            List<int>[] found = ShapeNames.Match(Arkit.Names, new[] { "mouthSmileLeft", "mouthLeft", "mouth_left_smile" });
            Assert.AreEqual(new List<int> { 0 }, found[Arkit.Index("mouthSmileLeft")]);
            Assert.AreEqual(new List<int> { 1 }, found[Arkit.Index("mouthLeft")]);
        }

        [TestCase("mouthLeftUp")]
        [TestCase("Mouth_Left_Smile")]
        [TestCase("mouthLeft_jawOpen")]
        [TestCase("jawOpenWide")]
        [TestCase("mouthLeft_L")]
        public void ANameThatGoesOnIsAnotherMovement(string shape)
        {
            List<int>[] found = ShapeNames.Match(Arkit.Names, new[] { shape });
            Assert.IsEmpty(found[Arkit.Index(shape.StartsWith("jaw") ? "jawOpen" : "mouthLeft")]);
        }

        [Test]
        public void BothHalvesOfAnUndividedShapeAreFound()
        {
            List<int>[] found = ShapeNames.Match(Arkit.Names, new[] { "browInnerUp_L", "browInnerUp_R" });
            Assert.AreEqual(new List<int> { 0, 1 }, found[Arkit.Index("browInnerUp")]);
        }

        [Test]
        public void APlainNameWinsOverItsCorrective()
        {
            List<int>[] found = ShapeNames.Match(Arkit.Names, new[] { "jawOpen_fix", "jawOpen", "jawOpen_mouthClose_fix" });
            Assert.AreEqual(new List<int> { 1 }, found[Arkit.Index("jawOpen")]);
        }

        [Test]
        public void LettersInsideAnotherWordAreNoMatch()
        {
            List<int>[] found = ShapeNames.Match(Arkit.Names, new[] { "lockjawopener", "", "_", "Ω", "jaw" });
            foreach (List<int> each in found) Assert.IsEmpty(each);
        }
    }
}
