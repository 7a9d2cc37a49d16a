using System;
using System.Collections.Generic;
using UnityEditor;
using UnityEngine;
using UnityEngine.Rendering;

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

        protected override string EndpointOf(Sender sender) { return sender.Video; }

        protected override void DrawSettings()
        {
            var receiver = (OmoteReceiver)target;
            string[] names = Textures(receiver.targetRenderer);
            if (names.Length == 0) return;
            int now = Array.IndexOf(names, receiver.targetProperty);
            if (now < 0) EditorGUILayout.HelpBox($"The material has no texture {receiver.targetProperty}: choose another", MessageType.Warning);
            int chosen = EditorGUILayout.Popup("Texture of the material", now, names);
            if (chosen == now || chosen < 0) return;
            Undo.RecordObject(receiver, "Choose Texture");
            receiver.targetProperty = names[chosen];
            EditorUtility.SetDirty(receiver);
        }

        /// <summary>The texture properties of the renderer's material; none where there is no material.</summary>
        internal static string[] Textures(Renderer renderer)
        {
            var names = new List<string>();
            Material material = renderer == null ? null : renderer.sharedMaterial;
            Shader shader = material == null ? null : material.shader;
            int count = shader == null ? 0 : shader.GetPropertyCount();
            for (int i = 0; i < count; i++)
            {
                if (shader.GetPropertyType(i) == ShaderPropertyType.Texture) names.Add(shader.GetPropertyName(i));
            }
            return names.ToArray();
        }
    }
}
