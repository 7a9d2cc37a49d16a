using UnityEditor;
using UnityEngine;

namespace Omote.Editors
{
    [CustomEditor(typeof(OmoteFaceDriver))]
    internal sealed class FaceDriverEditor : FeedEditor
    {
        protected override string EndpointOf(Sender sender) { return sender.Params; }

        protected override void DrawMore()
        {
            var driver = (OmoteFaceDriver)target;
            EditorGUILayout.LabelField("Confidence, presence", $"{driver.confidence:0.00}, {driver.presence:0.00}");
            EditorGUILayout.LabelField("Recognised", string.Join(", ", driver.recognised));
            DrawRecording(driver);
            foreach (ShapeTarget each in driver.targets)
            {
                if (each.Table != null) EditorGUILayout.LabelField(each.Name, $"names of {each.Table.Name}");
                if (each.Missing.Count == 0) continue;
                string names = string.Join(", ", each.Missing);
                EditorGUILayout.HelpBox($"{each.Name} has no blend shape for: {names}", MessageType.Info);
            }
        }

        private static void DrawRecording(OmoteFaceDriver driver)
        {
            if (FaceRecording.Recorded == null)
            {
                if (GUILayout.Button("Record an animation clip")) FaceRecording.Begin(driver);
            }
            else if (FaceRecording.Recorded == driver && GUILayout.Button("Stop recording"))
            {
                FaceRecording.End(EditorUtility.SaveFilePanelInProject("Save the face", "Face", "anim", "Where the animation clip goes"));
            }
        }
    }
}
