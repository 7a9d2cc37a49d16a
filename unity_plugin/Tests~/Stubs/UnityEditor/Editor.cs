using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using UnityEngine;

[assembly: InternalsVisibleTo("Omote.Runtime.Tests")]

namespace UnityEditor
{
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class CustomEditor : Attribute
    {
        public CustomEditor(Type inspectedType) { }
    }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class MenuItem : Attribute
    {
        public MenuItem(string itemName, bool isValidateFunction, int priority) { }
    }

    public sealed class MenuCommand
    {
        public UnityEngine.Object context;

        public MenuCommand(UnityEngine.Object inContext) { context = inContext; }
    }

    public class Editor
    {
        public UnityEngine.Object target { get; set; }

        public virtual void OnInspectorGUI() { }
        public virtual bool RequiresConstantRepaint() { return false; }
        public virtual bool HasPreviewGUI() { return false; }
        public virtual void OnPreviewGUI(Rect r, GUIStyle background) { }
        public bool DrawDefaultInspector() { return true; }
    }

    public enum MessageType
    {
        None,
        Info,
        Warning,
        Error,
    }

    public static class EditorStyles
    {
        public static GUIStyle boldLabel { get; } = new GUIStyle();
    }

    public static class EditorGUILayout
    {
        // Not in Unity: what was drawn.
        internal static readonly List<string> Drawn = new List<string>();

        public static void Space() { }
        public static void LabelField(string label, GUIStyle style, params GUILayoutOption[] options) { Drawn.Add(label); }
        public static void LabelField(string label, string label2, params GUILayoutOption[] options) { Drawn.Add(label + ": " + label2); }
        public static int Popup(string label, int selectedIndex, string[] displayedOptions, params GUILayoutOption[] options)
        {
            Drawn.Add(label + ": " + string.Join(" ", displayedOptions));
            return Chosen >= 0 ? Chosen : selectedIndex;
        }

        internal static int Chosen = -1;

        public static void HelpBox(string message, MessageType type) { Drawn.Add(message); }
    }

    public static class EditorApplication
    {
        public delegate void CallbackFunction();

        public static CallbackFunction delayCall;

        // Not in Unity: how often another turn was asked for.
        internal static int Queued;

        public static void QueuePlayerLoopUpdate() { Queued++; }
    }

    public static class EditorUtility
    {
        public static void SetDirty(UnityEngine.Object target) { }

        public static string SaveFilePanelInProject(string title, string defaultName, string extension, string message) { return Saved; }

        internal static string Saved = "";
    }

    public static class AssetDatabase
    {
        internal static readonly Dictionary<string, UnityEngine.Object> Assets = new Dictionary<string, UnityEngine.Object>();

        public static void CreateAsset(UnityEngine.Object asset, string path) { Assets[path] = asset; }
    }

    public static class EditorGUI
    {
        public static void DrawTextureTransparent(Rect position, Texture image, ScaleMode scaleMode) { }
    }

    public static class Undo
    {
        public static void RecordObject(UnityEngine.Object objectToUndo, string name) { }

        public static void RegisterCreatedObjectUndo(UnityEngine.Object objectToUndo, string name) { }
    }

    public static class Selection
    {
        public static UnityEngine.Object activeObject { get; set; }
    }

    public static class GameObjectUtility
    {
        public static void SetParentAndAlign(GameObject child, GameObject parent)
        {
            if (parent != null) child.transform.SetParent(parent.transform, false);
        }
    }

    public static class AssemblyReloadEvents
    {
        public delegate void AssemblyReloadCallback();

        public static event AssemblyReloadCallback beforeAssemblyReload;

        internal static void RaiseBefore() { beforeAssemblyReload?.Invoke(); }
    }
}
