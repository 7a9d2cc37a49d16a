using System;
using System.Collections.Generic;
using UnityEngine;

namespace Omote
{
    /// <summary>Stops whatever still runs when Play ends, the player quits or scripts are about to be loaded anew.</summary>
    /// <remarks>
    /// Components stop in OnDisable; this is for the ways out on which Unity does not call it, or calls it too late. A thread or socket
    /// that outlives a domain reload is what freezes editors on the second Play.
    /// </remarks>
    internal static class Shutdown
    {
        private static readonly List<IDisposable> _running = new List<IDisposable>();

        /// <summary>True from the end of Play until the editor shows previews again, or to the next Play: nothing may start any more.</summary>
        public static bool IsOver => _isOver && Application.isPlaying;

        private static bool _isOver;

        public static void Add(IDisposable running)
        {
            Hook(); // scripts that were loaded anew in the middle of Play have not begun
            if (!_running.Contains(running)) _running.Add(running);
        }

        public static void Remove(IDisposable running) { _running.Remove(running); }

        // With domain reload switched off in the editor, statics are what they were in the last Play.
        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.SubsystemRegistration)]
        private static void Begin()
        {
            StopAll();
            _isOver = false;
            Hook();
        }

        private static void Hook()
        {
            Application.quitting -= End;
            Application.quitting += End;
#if UNITY_EDITOR
            UnityEditor.AssemblyReloadEvents.beforeAssemblyReload -= End;
            UnityEditor.AssemblyReloadEvents.beforeAssemblyReload += End;
#endif
        }

        private static void End()
        {
            _isOver = true;
            StopAll();
        }

        private static void StopAll()
        {
            foreach (IDisposable each in _running.ToArray()) Stop(each);
            _running.Clear();
        }

        // Stopping answers who still waits, and what a game does then may throw: the others have to stop all the same.
        private static void Stop(IDisposable running)
        {
            try
            {
                running.Dispose();
            }
            catch (Exception error)
            {
                Debug.LogException(error);
            }
        }
    }
}
