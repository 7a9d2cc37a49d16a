using System.Linq;
using System.Reflection;
using NUnit.Framework;
using Omote.Editors;
using Stubs;
using UnityEditor;
using UnityEngine;

namespace Omote.Tests
{
    /// <summary>Components without anybody at the other end.</summary>
    [TestFixture]
    public class ComponentTests
    {
        private const string Nobody = "tcp://127.0.0.1:9"; // discard: nothing of ours listens there

        [SetUp]
        public void SetUp() { Engine.Play(); }

        [TearDown]
        public void TearDown()
        {
            Engine.Stop();
            Application.platform = RuntimePlatform.LinuxEditor;
        }

        private static T On<T>() where T : Component, new() { return new GameObject("omote").AddComponent<T>(); }

        private static OmoteReceiver Receiver(string endpoint = Nobody)
        {
            var receiver = On<OmoteReceiver>();
            receiver.endpoint = endpoint;
            return receiver;
        }

        [Test]
        public void TheUsualEndpointsAreOnThisMachine()
        {
            Assert.AreEqual("tcp://127.0.0.1:5557", On<OmoteReceiver>().endpoint);
            Assert.AreEqual("tcp://127.0.0.1:5556", On<OmoteFaceDriver>().endpoint);
            Assert.AreEqual("tcp://127.0.0.1:5558", On<OmoteControl>().endpoint);
        }

        [Test]
        public void NothingStartsBeforeTheFirstUpdate()
        {
            OmoteReceiver receiver = Receiver();
            Assert.AreEqual(ReceiverState.Disconnected, receiver.statistics.State);
            Engine.Frame();
            Assert.AreEqual(ReceiverState.Connecting, receiver.statistics.State);
        }

        [Test]
        public void SwitchingOffStopsAndOnStartsAgain()
        {
            OmoteReceiver receiver = Receiver();
            Engine.Frame();
            receiver.enabled = false;
            Assert.AreEqual(ReceiverState.Disconnected, receiver.statistics.State);
            Engine.Frame();
            Assert.AreEqual(ReceiverState.Disconnected, receiver.statistics.State);
            receiver.enabled = true;
            Engine.Frame();
            Assert.AreEqual(ReceiverState.Connecting, receiver.statistics.State);
        }

        [Test]
        public void AnImpossibleSettingIsSaidOnceAndCuredByAnother()
        {
            OmoteReceiver receiver = Receiver("nonsense");
            for (int i = 0; i < 5; i++) Engine.Frame();
            Assert.AreEqual(1, Engine.Errors.Count, string.Join("\n", Engine.Errors));
            StringAssert.Contains("nonsense", receiver.lastError);
            receiver.endpoint = Nobody;
            Engine.Frame();
            Assert.AreEqual(ReceiverState.Connecting, receiver.statistics.State);
            Assert.AreEqual(1, Engine.Errors.Count);
        }

        [Test]
        public void AKeyFileThatIsMissingIsNamedWithItsWholePath()
        {
            OmoteReceiver receiver = Receiver();
            receiver.keyFile = "omote/studio.key";
            Engine.Frame();
            StringAssert.Contains("/persistent/omote/studio.key", receiver.lastError);
        }

        [Test]
        public void TheWebIsRefusedInWords()
        {
            Application.platform = RuntimePlatform.WebGLPlayer;
            OmoteReceiver receiver = Receiver();
            Engine.Frame();
            StringAssert.Contains("WebGL", receiver.lastError);
        }

        [Test]
        public void WhatHidesIsHiddenUntilSomethingLives()
        {
            OmoteReceiver receiver = Receiver();
            receiver.enabled = false;
            receiver.whenStale = WhenStale.Hide;
            receiver.targetRenderer = receiver.gameObject.AddComponent<MeshRenderer>();
            receiver.targetTexture = new RenderTexture(4, 4, 0) { Drawn = new Texture() };
            receiver.enabled = true;
            Assert.False(receiver.targetRenderer.enabled);
            Assert.IsNull(receiver.targetTexture.Drawn);
        }

        [Test]
        public void WhatKeepsItsPictureIsLeftAlone()
        {
            OmoteReceiver receiver = Receiver();
            receiver.targetRenderer = receiver.gameObject.AddComponent<MeshRenderer>();
            Engine.Frame();
            receiver.enabled = false;
            Assert.True(receiver.targetRenderer.enabled);
        }

        [Test]
        public void AnotherSettingInTheInspectorReconnectsAndAnyOtherDoesNot()
        {
            OmoteReceiver receiver = Receiver();
            Engine.Frame();
            receiver.whenStale = WhenStale.Hide;
            Validate(receiver);
            Assert.AreEqual(ReceiverState.Connecting, receiver.statistics.State);
            SetField(receiver, "_subject", "other");
            Validate(receiver);
            Assert.AreEqual(ReceiverState.Disconnected, receiver.statistics.State);
        }

        [Test]
        public void AnOverrideThatTheInspectorAddsDoesNotSilenceItsShape()
        {
            var driver = On<OmoteFaceDriver>();
            var added = new ShapeOverride { gain = 0 };
            driver.overrides = new[] { added };
            Validate(driver);
            Assert.AreEqual(1, added.gain);
        }

        [Test]
        public void AReloadOfScriptsStopsAllAndNothingStartsAgain()
        {
            OmoteReceiver receiver = Receiver();
            var control = On<OmoteControl>();
            control.endpoint = Nobody;
            Engine.Frame();
            AssemblyReloadEvents.RaiseBefore();
            Assert.AreEqual(ReceiverState.Disconnected, receiver.statistics.State);
            Assert.False(control.client.IsRunning);
            Engine.Frame();
            Assert.AreEqual(ReceiverState.Disconnected, receiver.statistics.State);
        }

        [Test]
        public void ASecondPlayStartsAfterTheFirstWasStopped()
        {
            OmoteReceiver first = Receiver();
            Engine.Frame();
            Engine.Stop();
            Assert.AreEqual(ReceiverState.Disconnected, first.statistics.State);
            Engine.Play();
            OmoteReceiver second = Receiver();
            Engine.Frame();
            Assert.AreEqual(ReceiverState.Connecting, second.statistics.State);
        }

        [Test]
        public void ARequestWhileItIsOffIsAnErrorInWords()
        {
            var control = On<OmoteControl>();
            control.enabled = false;
            string said = "";
            control.onError.AddListener(text => said = text);
            control.SetCharacter("ada");
            StringAssert.Contains("off", said);
        }

        [Test]
        public void ALightSenderBringsItsControl()
        {
            Assert.NotNull(On<OmoteLightProbeSender>().GetComponent<OmoteControl>());
        }

        [Test]
        public void TheInspectorTellsWhereItStands()
        {
            EditorGUILayout.Drawn.Clear();
            OmoteReceiver receiver = Receiver();
            Engine.Frame();
            new ReceiverEditor { target = receiver }.OnInspectorGUI();
            string drawn = string.Join("\n", EditorGUILayout.Drawn);
            foreach (string label in new[] { "State: Connecting", "Rate: 0.0 a second", "Gaps: 0 lost" })
            {
                StringAssert.Contains(label, drawn);
            }
        }

        [TestCase(false, ReceiverState.Disconnected)]
        [TestCase(true, ReceiverState.Connecting)]
        public void APreviewRunsWithoutPlayingWhereItIsWanted(bool isWanted, ReceiverState state)
        {
            Engine.Stop();
            OmoteReceiver receiver = Receiver();
            receiver.previewsInEditMode = isWanted;
            receiver.whenStale = WhenStale.Hide;
            receiver.targetRenderer = receiver.gameObject.AddComponent<MeshRenderer>();
            Engine.Frame();
            Assert.AreEqual(state, receiver.statistics.State);
            Assert.True(receiver.targetRenderer.enabled, "a preview changes nothing that is saved");
            receiver.previewsInEditMode = false;
            Engine.Frame();
            Assert.AreEqual(ReceiverState.Disconnected, receiver.statistics.State);
        }

        [Test]
        public void TheInspectorOffersTheTexturesOfTheMaterial()
        {
            OmoteReceiver receiver = Receiver();
            receiver.targetRenderer = receiver.gameObject.AddComponent<MeshRenderer>();
            Assert.IsEmpty(ReceiverEditor.Textures(receiver.targetRenderer));
            var shader = new Shader { Properties = new[] { "F _Cutoff", "T _BaseMap", "T _BumpMap" } };
            receiver.targetRenderer.sharedMaterial = new Material(shader);
            EditorGUILayout.Drawn.Clear();
            EditorGUILayout.Chosen = 0;
            new ReceiverEditor { target = receiver }.OnInspectorGUI();
            EditorGUILayout.Chosen = -1;
            CollectionAssert.Contains(EditorGUILayout.Drawn, "Texture of the material: _BaseMap _BumpMap");
            Assert.AreEqual("_BaseMap", receiver.targetProperty);
        }

        [Test]
        public void AChosenSenderIsListenedTo()
        {
            OmoteReceiver receiver = Receiver();
            var driver = On<OmoteFaceDriver>();
            var sender = new Sender { Video = "tcp://127.0.0.1:7777", Params = "tcp://127.0.0.1:6666", Subject = "second" };
            new ReceiverEditor().Choose(receiver, sender);
            new FaceDriverEditor().Choose(driver, sender);
            Assert.AreEqual("tcp://127.0.0.1:7777 second", receiver.endpoint + " " + receiver.subject);
            Assert.AreEqual("tcp://127.0.0.1:6666 second", driver.endpoint + " " + driver.subject);
        }

        [Test]
        public void AFaceIsRecordedIntoAClip()
        {
            var driver = On<OmoteFaceDriver>();
            driver.renderers = new[] { driver.gameObject.AddComponent<SkinnedMeshRenderer>() };
            driver.renderers[0].sharedMesh = new Mesh("jawOpen");
            driver.SetBones(null, new GameObject("head").transform, null, null);
            FaceRecording.Begin(driver);
            for (int i = 0; i < 3; i++) driver.Show(new ParamsFrame(), Arkit.Names);
            FaceRecording.End("Assets/Face.anim");
            driver.Show(new ParamsFrame(), Arkit.Names);
            Assert.AreEqual(new[] { "SkinnedMeshRenderer omote", "Transform head" }, UnityEditor.Animations.GameObjectRecorder.Bound.ToArray());
            Assert.AreEqual(3 * Time.deltaTime, UnityEditor.Animations.GameObjectRecorder.Seconds, 1e-6f);
            Assert.AreEqual(60, ((AnimationClip)AssetDatabase.Assets["Assets/Face.anim"]).frameRate);
            Assert.IsNull(FaceRecording.Recorded);
        }

        [Test]
        public void StatisticsReadAsSentences()
        {
            var now = new Statistics
            {
                State = ReceiverState.Live, Fps = 59.94f, IsAgeKnown = true, AgeP50Ms = 41.26f, AgeP99Ms = 63.3f,
                TransitP50Ms = 0.512f, TransitP99Ms = 3.3f, Missed = 2, Skipped = 3, Rejected = 1, FormatText = "512x512 rgba8 straight top",
            };
            string[] lines = StatusText.Of(now).Select(line => $"{line.Key}: {line.Value}").ToArray();
            Assert.AreEqual(
                new[]
                {
                    "State: Live", "Rate: 59.9 a second", "Age since captured, p50 / p99: 41.26 / 63.30 ms",
                    "Transit since sent, p50 / p99: 0.51 / 3.30 ms",
                    "Gaps: 2 lost, 3 replaced unseen, 1 refused", "Format: 512x512 rgba8 straight top",
                },
                lines);
        }

        [Test]
        public void AnUnknownAgeIsNotShownAsANumber()
        {
            string[] lines = StatusText.Of(new Statistics()).Select(line => line.Value).ToArray();
            Assert.AreEqual(2, lines.Count(line => line.Contains("not known")));
        }

        [Test]
        public void TheMenuMakesAPortraitThatReceives()
        {
            typeof(PortraitMenu).GetMethod("Create", BindingFlags.NonPublic | BindingFlags.Static)
                .Invoke(null, new object[] { new MenuCommand(null) });
            var made = (GameObject)Selection.activeObject;
            Assert.AreSame(made.GetComponent<MeshRenderer>(), made.GetComponent<OmoteReceiver>().targetRenderer);
            Assert.AreEqual("Omote/Portrait", made.GetComponent<MeshRenderer>().sharedMaterial.shader.name);
            Assert.IsNull(made.GetComponent<MeshCollider>());
        }

        private static void Validate(OmoteFeed feed)
        {
            feed.GetType().GetMethod("OnValidate", BindingFlags.NonPublic | BindingFlags.Instance).Invoke(feed, null);
        }

        private static void SetField(OmoteFeed feed, string name, object value)
        {
            typeof(OmoteFeed).GetField(name, BindingFlags.NonPublic | BindingFlags.Instance)
                .SetValue(feed, value);
        }
    }
}
