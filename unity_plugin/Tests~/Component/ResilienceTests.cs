using System;
using NUnit.Framework;
using Stubs;
using UnityEditor;
using UnityEngine;

namespace Omote.Tests
{
    /// <summary>What a game, a scene or a sender gets wrong, and must not bring the rest down.</summary>
    [TestFixture]
    public class ResilienceTests
    {
        private const string Nobody = "tcp://127.0.0.1:9"; // discard: nothing of ours listens there

        [SetUp]
        public void SetUp() { Engine.Play(); }

        [TearDown]
        public void TearDown() { Engine.Stop(); }

        private static T On<T>() where T : Component, new() { return new GameObject("omote").AddComponent<T>(); }

        private static OmoteReceiver Receiver()
        {
            var receiver = On<OmoteReceiver>();
            receiver.endpoint = Nobody;
            return receiver;
        }

        private static OmoteControl ControlWhoseListenerThrows()
        {
            var control = On<OmoteControl>();
            control.endpoint = Nobody;
            control.replied += reply => { throw new InvalidOperationException("the game's own mistake"); };
            Engine.Frame();
            control.Request("stats");
            return control;
        }

        [Test]
        public void AListenerThatThrowsKeepsNobodyElseFromStopping()
        {
            OmoteControl control = ControlWhoseListenerThrows();
            OmoteReceiver receiver = Receiver();
            Engine.Frame();
            AssemblyReloadEvents.RaiseBefore();
            Assert.False(control.client.IsRunning);
            Assert.AreEqual(ReceiverState.Disconnected, receiver.statistics.State);
            Assert.AreEqual(new[] { "the game's own mistake" }, Engine.Errors.ToArray());
        }

        [Test]
        public void AListenerThatThrowsInTheLastMomentStopsNoThreadFromEnding()
        {
            var control = On<OmoteControl>();
            control.endpoint = Nobody;
            control.Closing += () => { throw new InvalidOperationException("the game's own mistake"); };
            Engine.Frame();
            Assert.Throws<InvalidOperationException>(control.Reconnect);
            Assert.False(control.client.IsRunning);
            Engine.Frame();
            Assert.True(control.client.IsRunning, "it starts again");
            Assert.Throws<InvalidOperationException>(control.Reconnect);
        }

        [Test]
        public void AKeyPathThatIsNoneIsSaidOnce()
        {
            OmoteReceiver receiver = Receiver();
            receiver.keyFile = "bad\0path";
            for (int i = 0; i < 3; i++) Engine.Frame();
            Assert.AreEqual(1, Engine.Errors.Count, string.Join("\n", Engine.Errors));
            StringAssert.Contains("quotation marks", receiver.lastError);
        }

        [Test]
        public void WhatHidesOrNotMayBeChangedAtAnyTime()
        {
            OmoteReceiver receiver = Receiver();
            receiver.targetRenderer = receiver.gameObject.AddComponent<MeshRenderer>();
            receiver.whenStale = WhenStale.Hide;
            Assert.False(receiver.targetRenderer.enabled);
            receiver.whenStale = WhenStale.KeepPicture;
            Assert.True(receiver.targetRenderer.enabled);
        }
    }
}
