using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Omote
{
    /// <summary>The functions of the native libzmq that we call, from whichever of its names is found first.</summary>
    internal sealed class Libzmq
    {
        public Func<int> Errno;
        public Func<int, IntPtr> Explain;
        public Func<string, int> Has;
        public Func<IntPtr> NewContext;
        public Func<IntPtr, int> EndContext;
        public Func<IntPtr, int, IntPtr> NewSocket;
        public Func<IntPtr, int> Close;
        public Func<IntPtr, int, byte[], UIntPtr, int> SetOption;
        public Func<IntPtr, string, int> Connect;
        public Func<IntPtr, string, int> Disconnect;
        public Func<IntPtr, string, int, int> Monitor;
        public Func<IntPtr, byte[], UIntPtr, int, int> Send;
        public Func<IntPtr, int> InitMessage;
        public Func<IntPtr, IntPtr, int, int> Receive;
        public Func<IntPtr, int> CloseMessage;
        public Func<IntPtr, IntPtr> Data;
        public Func<IntPtr, UIntPtr> Size;
        public Func<IntPtr, int> More;

        private static readonly object _gate = new object();
        private static Libzmq _found;

        /// <summary>The library, or null where it is not installed; looked for anew each time until it is found.</summary>
        public static Libzmq Find()
        {
            lock (_gate)
            {
                foreach (KeyValuePair<string, Func<Libzmq>> candidate in LibzmqNames.Candidates)
                    if (_found == null && Answers(candidate.Value())) _found = candidate.Value();
                return _found;
            }
        }

        public string LastError() => Marshal.PtrToStringAnsi(Explain(Errno()));

        private static bool Answers(Libzmq library)
        {
            try
            {
                library.Errno();
                return true;
            }
            catch (Exception error) when (error is DllNotFoundException || error is EntryPointNotFoundException || error is BadImageFormatException)
            {
                return false;
            }
        }
    }
}
