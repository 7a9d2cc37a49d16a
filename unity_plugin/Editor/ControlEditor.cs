using UnityEditor;
using UnityEngine;

namespace Omote.Editors
{
    /// <summary>The settings, and while it plays whether Omote answers and how well its clock is known.</summary>
    [CustomEditor(typeof(OmoteControl))]
    internal sealed class ControlEditor : Editor
    {
        public override bool RequiresConstantRepaint() { return Application.isPlaying; }

        public override void OnInspectorGUI()
        {
            DrawDefaultInspector();
            if (!Application.isPlaying) return;
            var control = (OmoteControl)target;
            EditorGUILayout.Space();
            EditorGUILayout.LabelField("State", control.isConnected ? "Omote answers" : "Connecting");
            EditorGUILayout.LabelField("Clock", Describe(control.clock));
            if (control.lastError != "") EditorGUILayout.HelpBox(control.lastError, MessageType.Warning);
            if (GUILayout.Button("Recalibrate")) control.Recalibrate();
            if (GUILayout.Button("Reconnect")) control.Reconnect();
        }

        private static string Describe(ClockReading clock)
        {
            if (clock == null) return "not measured yet";
            return $"{clock.OffsetNs / 1e6:0.000} ms ahead of ours, at most {clock.UncertaintyNs / 1e6:0.000} ms wrong";
        }
    }
}
