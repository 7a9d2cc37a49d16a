using System.Collections.Generic;
using NUnit.Framework;
using Stubs;
using UniVRM10;
using UnityEngine;
using VRM;

namespace Omote.Tests
{
    /// <summary>VRM models, behind stand-ins for UniVRM.</summary>
    [TestFixture]
    public class VrmTests
    {
        private OmoteFaceDriver _driver;

        [SetUp]
        public void SetUp()
        {
            Engine.Play();
            var body = new GameObject("body");
            body.SetActive(false);
            _driver = body.AddComponent<OmoteFaceDriver>();
        }

        [TearDown]
        public void TearDown() { Engine.Stop(); }

        private static readonly string[] _presets = { "happy", "aa", "blink", "blinkLeft" };

        private static void Add(Vrm10Instance model, IEnumerable<string> custom)
        {
            model.Runtime.Expression.Keys.Add(new ExpressionKey(ExpressionPreset.happy));
            model.Runtime.Expression.Keys.Add(new ExpressionKey(ExpressionPreset.aa));
            model.Runtime.Expression.Keys.Add(new ExpressionKey(ExpressionPreset.blink));
            model.Runtime.Expression.Keys.Add(new ExpressionKey(ExpressionPreset.blinkLeft));
            foreach (string name in custom) model.Runtime.Expression.Keys.Add(new ExpressionKey(ExpressionPreset.custom, name));
        }

        private static float Of(Vrm10Instance model, string name)
        {
            foreach (KeyValuePair<ExpressionKey, float> each in model.Runtime.Expression.Weights)
                if (each.Key.Name == name) return each.Value;
            return -1; // never set
        }

        private void Show(params object[] named)
        {
            _driver.gameObject.SetActive(true);
            var frame = new ParamsFrame();
            for (int i = 0; i < named.Length; i += 2) frame.ShownWeights[Arkit.Index((string)named[i])] = (float)named[i + 1];
            frame.EyePose[1] = frame.EyePose[4] = 0.2f; // both eyes to its left
            frame.EyePose[0] = frame.EyePose[3] = -0.1f; // and up
            _driver.Show(frame, Arkit.Names);
        }

        [Test]
        public void AModelWithoutThe52FollowsByPresets()
        {
            var model = _driver.gameObject.AddComponent<Vrm10Instance>();
            Add(model, new[] { "cape" });
            var vrm = _driver.gameObject.AddComponent<OmoteVrm10Driver>();
            Show("jawOpen", 0.5f, "eyeBlinkLeft", 0.8f, "eyeBlinkRight", 0.3f);
            Assert.AreEqual(0.5f, Of(model, "aa"), 1e-6f);
            Assert.AreEqual(0.3f, Of(model, "blink"), 1e-6f);
            Assert.AreEqual(0.5f, Of(model, "blinkLeft"), 1e-6f);
            Assert.AreEqual(-1, Of(model, "cape"));
            vrm.enabled = false;
            Assert.AreEqual(0, Of(model, "aa"));
        }

        [Test]
        public void AModelWithThe52FollowsByThemAlone()
        {
            var model = _driver.gameObject.AddComponent<Vrm10Instance>();
            var names = new List<string>();
            foreach (string name in Arkit.Names) names.Add(char.ToUpperInvariant(name[0]) + name.Substring(1));
            Add(model, names);
            _driver.gameObject.AddComponent<OmoteVrm10Driver>();
            Show("jawOpen", 0.5f, "eyeBlinkLeft", 0.8f, "eyeBlinkRight", 0.3f);
            Assert.AreEqual(0.5f, Of(model, "JawOpen"), 1e-6f);
            Assert.AreEqual(0.8f, Of(model, "EyeBlinkLeft"), 1e-6f);
            foreach (string preset in _presets) Assert.AreEqual(0, Of(model, preset), preset);
        }

        [TestCase(true)]
        [TestCase(false)]
        public void TheModelLooksWhereTheFaceDoes(bool isDriven)
        {
            var model = _driver.gameObject.AddComponent<Vrm10Instance>();
            Add(model, new string[0]);
            _driver.gameObject.AddComponent<OmoteVrm10Driver>().drivesLookAt = isDriven;
            Show();
            Assert.AreEqual(isDriven ? -11.46f : 0, model.Runtime.LookAt.Yaw, 0.1f); // to its left
            Assert.AreEqual(isDriven ? 5.73f : 0, model.Runtime.LookAt.Pitch, 0.15f); // up
        }

        [Test]
        public void AModelOf0xFollowsByItsProxyOnceItsClipsAreKnown()
        {
            var proxy = _driver.gameObject.AddComponent<VRMBlendShapeProxy>();
            _driver.gameObject.AddComponent<OmoteVrm0Driver>();
            Show("jawOpen", 0.25f);
            Assert.IsEmpty(proxy.Values);
            foreach (string name in new[] { "A", "BLINK_L", "FUN", "Cape" }) proxy.Values[new BlendShapeKey(name)] = 0.5f;
            Show("jawOpen", 0.5f, "eyeBlinkLeft", 0.75f, "mouthSmileLeft", 1f, "mouthSmileRight", 1f);
            Assert.AreEqual(0.5f, proxy.Values[new BlendShapeKey("A")], 1e-6f);
            Assert.AreEqual(0.75f, proxy.Values[new BlendShapeKey("BLINK_L")], 1e-6f);
            Assert.AreEqual(1, proxy.Values[new BlendShapeKey("FUN")], 1e-6f);
            Assert.AreEqual(0.5f, proxy.Values[new BlendShapeKey("Cape")]);
        }
    }
}
