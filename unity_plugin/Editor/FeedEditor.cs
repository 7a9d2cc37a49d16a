using System.Collections.Generic;
using UnityEditor;
using UnityEngine;

namespace Omote.Editors
{
    /// <summary>The settings, and while it plays what arrives: state, rate, age, gaps, format, last error.</summary>
    internal abstract class FeedEditor : Editor
    {
        private readonly SenderList _senders = new SenderList();

        public override bool RequiresConstantRepaint() { return Application.isPlaying; }

        public override void OnInspectorGUI()
        {
            DrawDefaultInspector();
            DrawSettings();
            var feed = (OmoteFeed)target;
            _senders.Draw(sender => Choose(feed, sender));
            if (!Application.isPlaying && feed.statistics.State == ReceiverState.Disconnected) return;
            EditorGUILayout.Space();
            EditorGUILayout.LabelField("Arriving", EditorStyles.boldLabel);
            foreach (KeyValuePair<string, string> line in StatusText.Of(feed.statistics))
            {
                EditorGUILayout.LabelField(line.Key, line.Value);
            }
            DrawMore();
            if (feed.lastError != "") EditorGUILayout.HelpBox(feed.lastError, MessageType.Warning);
            if (GUILayout.Button("Reconnect")) feed.Reconnect();
        }

        /// <summary>Where this component's messages come from.</summary>
        protected abstract string EndpointOf(Sender sender);

        internal void Choose(OmoteFeed feed, Sender sender)
        {
            Undo.RecordObject(feed, "Choose Sender");
            feed.endpoint = EndpointOf(sender);
            feed.subject = sender.Subject;
            EditorUtility.SetDirty(feed);
        }

        protected virtual void DrawSettings() { }

        protected virtual void DrawMore() { }
    }
}
