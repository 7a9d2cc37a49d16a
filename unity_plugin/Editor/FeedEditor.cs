using System.Collections.Generic;
using UnityEditor;
using UnityEngine;

namespace Omote.Editors
{
    /// <summary>The settings, and while it plays what arrives: state, rate, age, gaps, format, last error.</summary>
    internal abstract class FeedEditor : Editor
    {
        public override bool RequiresConstantRepaint() { return Application.isPlaying; }

        public override void OnInspectorGUI()
        {
            DrawDefaultInspector();
            DrawSettings();
            var feed = (OmoteFeed)target;
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

        protected virtual void DrawSettings() { }

        protected virtual void DrawMore() { }
    }
}
