namespace UnityEngine
{
    public struct Rect { }

    public sealed class GUIStyle { }

    public sealed class GUILayoutOption { }

    public enum ScaleMode
    {
        StretchToFill,
        ScaleAndCrop,
        ScaleToFit,
    }

    public static class GUILayout
    {
        public static bool Button(string text, params GUILayoutOption[] options) { return false; }
    }
}
