using System;
using System.Collections.Generic;
using System.Reflection;
using UnityEngine;

namespace Stubs
{
    /// <summary>Plays: what Unity's player loop and play button do, one call at a time. Not in Unity.</summary>
    internal static class Engine
    {
        internal static readonly List<MonoBehaviour> Behaviours = new List<MonoBehaviour>();
        internal static readonly List<string> Errors = new List<string>();
        internal static readonly List<string> Warnings = new List<string>();

        /// <summary>Presses Play, with domain reload off as the stricter case: statics keep what they had.</summary>
        internal static void Play()
        {
            Errors.Clear();
            Warnings.Clear();
            Application.isPlaying = true;
            foreach (Assembly assembly in AppDomain.CurrentDomain.GetAssemblies())
            {
                if (assembly.GetName().Name.StartsWith("Omote.")) RunInitializers(assembly);
            }
        }

        /// <summary>One turn of the player loop.</summary>
        internal static void Frame(float seconds = 1f / 60)
        {
            Time.deltaTime = seconds;
            Time.unscaledDeltaTime = seconds;
            Time.unscaledTime += seconds;
            MonoBehaviour[] all = Behaviours.ToArray();
            foreach (MonoBehaviour each in all) each.Tick("Update");
            foreach (MonoBehaviour each in all) each.Tick("LateUpdate");
        }

        /// <summary>Releases Play: quitting is announced, then every behaviour goes.</summary>
        internal static void Stop()
        {
            Application.RaiseQuitting();
            foreach (MonoBehaviour each in Behaviours.ToArray()) UnityEngine.Object.DestroyImmediate(each);
            Application.isPlaying = false;
        }

        private static void RunInitializers(Assembly assembly)
        {
            const BindingFlags any = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
            foreach (Type type in assembly.GetTypes())
            {
                foreach (MethodInfo method in type.GetMethods(any))
                {
                    if (method.IsDefined(typeof(RuntimeInitializeOnLoadMethodAttribute), false)) method.Invoke(null, null);
                }
            }
        }
    }
}

namespace UnityEngine
{
    public static class Time
    {
        public static float deltaTime { get; internal set; }
        public static float unscaledDeltaTime { get; internal set; }
        public static float unscaledTime { get; internal set; }
    }

    public enum RuntimePlatform
    {
        LinuxEditor = 16,
        WebGLPlayer = 17,
    }

    public static class Application
    {
        public static event Action quitting;

        public static bool isPlaying { get; internal set; }
        public static RuntimePlatform platform { get; internal set; } = RuntimePlatform.LinuxEditor;
        public static string persistentDataPath { get; internal set; } = "/persistent";

        internal static void RaiseQuitting() { quitting?.Invoke(); }
    }

    public static class Debug
    {
        public static void Log(object message, Object context = null) { }
        public static void LogWarning(object message, Object context = null) { Stubs.Engine.Warnings.Add(message.ToString()); }
        public static void LogError(object message, Object context = null) { Stubs.Engine.Errors.Add(message.ToString()); }
        public static void LogException(System.Exception exception) { Stubs.Engine.Errors.Add(exception.Message); }
    }
}
