using UnityEditor;
using UnityEngine;

namespace Omote.Editors
{
    /// <summary>GameObject > Omote > Portrait: a quad that shows Omote's picture with its alpha.</summary>
    internal static class PortraitMenu
    {
        [MenuItem("GameObject/Omote/Portrait", false, 10)]
        private static void Create(MenuCommand command)
        {
            GameObject quad = GameObject.CreatePrimitive(PrimitiveType.Quad);
            quad.name = "Omote Portrait";
            Object.DestroyImmediate(quad.GetComponent<MeshCollider>());
            var renderer = quad.GetComponent<MeshRenderer>();
            renderer.sharedMaterial = new Material(Shader.Find("Omote/Portrait")) { name = "Omote Portrait" };
            quad.AddComponent<OmoteReceiver>().targetRenderer = renderer;
            GameObjectUtility.SetParentAndAlign(quad, command.context as GameObject);
            Undo.RegisterCreatedObjectUndo(quad, "Create Omote Portrait");
            Selection.activeObject = quad;
        }
    }
}
