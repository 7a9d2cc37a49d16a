using System;
using System.IO;
using UnityEngine;

namespace Omote
{
    /// <summary>Keeps one receiver or control client started while its component is on, and says once why it cannot be.</summary>
    internal sealed class Link : IDisposable
    {
        private readonly IDisposable _connection;
        private readonly Action _start;
        private readonly Component _owner;

        public Link(Component owner, IDisposable connection, Action start)
        {
            _owner = owner;
            _connection = connection;
            _start = start;
        }

        /// <summary>The last moment in which something sent still arrives.</summary>
        public event Action Closing;

        public bool IsOpen { get; private set; }

        /// <summary>Why it could not be started; empty where it could. Waiting does not cure it, another setting may.</summary>
        public string Failure { get; private set; } = "";

        /// <summary>Starts it where it is not; false where it cannot be started.</summary>
        public bool Open()
        {
            if (IsOpen) return true;
            if (Failure != "" || Shutdown.IsOver) return false;
            try
            {
                if (Application.platform == RuntimePlatform.WebGLPlayer)
                {
                    throw new OmoteException("WebGL has neither sockets nor threads: Omote cannot be received there");
                }
                _start();
                Shutdown.Add(this);
                IsOpen = true;
            }
            catch (OmoteException refusal)
            {
                Failure = refusal.Message;
                Debug.LogError($"Omote: {Failure}", _owner);
            }
            return IsOpen;
        }

        /// <summary>Stops it; the next Open starts it with the settings of then.</summary>
        public void Close()
        {
            Failure = "";
            if (!IsOpen) return;
            try
            {
                Closing?.Invoke();
            }
            finally // a game's own callback may throw; the thread has to end all the same
            {
                IsOpen = false;
                Shutdown.Remove(this);
                _connection.Dispose();
            }
        }

        public void Dispose() { Close(); }

        /// <summary>A key file's whole path: a relative one starts at Application.persistentDataPath, outside project and build.</summary>
        public static string KeyPath(string path)
        {
            if (string.IsNullOrEmpty(path)) return "";
            try
            {
                return Path.Combine(Application.persistentDataPath, path);
            }
            catch (ArgumentException error) // as quotation marks do on Windows
            {
                throw new OmoteException($"the key file's path {path} is none: {error.Message}; write it without quotation marks", error);
            }
        }
    }
}
