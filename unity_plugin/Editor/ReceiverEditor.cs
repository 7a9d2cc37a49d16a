using UnityEditor;
using UnityEngine;

namespace Omote.Editors
{
    [CustomEditor(typeof(OmoteReceiver))]
    internal sealed class ReceiverEditor : FeedEditor
    {
        public override bool HasPreviewGUI() { return ((OmoteReceiver)target).texture != null; }

        public override void OnPreviewGUI(Rect r, GUIStyle background)
        {
            EditorGUI.DrawTextureTransparent(r, ((OmoteReceiver)target).texture, ScaleMode.ScaleToFit);
        }
    }
}
