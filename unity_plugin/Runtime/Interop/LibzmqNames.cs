using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Omote
{
    /// <summary>libzmq's functions under each name that the library goes by; a DllImport takes a constant only, hence the repetition.</summary>
    internal static class LibzmqNames
    {
        public static readonly IReadOnlyList<KeyValuePair<string, Func<Libzmq>>> Candidates = new[]
        {
            new KeyValuePair<string, Func<Libzmq>>(Plain.Name, Plain.Functions),
            new KeyValuePair<string, Func<Libzmq>>(Linux.Name, Linux.Functions),
            new KeyValuePair<string, Func<Libzmq>>(MacOS.Name, MacOS.Functions),
        };

        /// <summary>As a Unity plugin (libzmq.dll, libzmq.so, libzmq.dylib).</summary>
        private static class Plain
        {
            public const string Name = "libzmq";

            public static Libzmq Functions() => new Libzmq
            {
                Errno = zmq_errno,
                Explain = zmq_strerror,
                Has = zmq_has,
                NewContext = zmq_ctx_new,
                EndContext = zmq_ctx_term,
                NewSocket = zmq_socket,
                Close = zmq_close,
                SetOption = zmq_setsockopt,
                Connect = zmq_connect,
                Disconnect = zmq_disconnect,
                Monitor = zmq_socket_monitor,
                Send = zmq_send,
                InitMessage = zmq_msg_init,
                Receive = zmq_msg_recv,
                CloseMessage = zmq_msg_close,
                Data = zmq_msg_data,
                Size = zmq_msg_size,
                More = zmq_msg_more,
            };

            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_errno();
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern IntPtr zmq_strerror(int error);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_has(string capability);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern IntPtr zmq_ctx_new();
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_ctx_term(IntPtr context);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern IntPtr zmq_socket(IntPtr context, int type);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_close(IntPtr socket);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_setsockopt(IntPtr socket, int option, byte[] value, UIntPtr length);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_connect(IntPtr socket, string endpoint);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_disconnect(IntPtr socket, string endpoint);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_socket_monitor(IntPtr socket, string endpoint, int events);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_send(IntPtr socket, byte[] bytes, UIntPtr length, int flags);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_msg_init(IntPtr message);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_msg_recv(IntPtr message, IntPtr socket, int flags);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_msg_close(IntPtr message);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern IntPtr zmq_msg_data(IntPtr message);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern UIntPtr zmq_msg_size(IntPtr message);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_msg_more(IntPtr message);
        }

        /// <summary>As a Linux system has it.</summary>
        private static class Linux
        {
            public const string Name = "libzmq.so.5";

            public static Libzmq Functions() => new Libzmq
            {
                Errno = zmq_errno,
                Explain = zmq_strerror,
                Has = zmq_has,
                NewContext = zmq_ctx_new,
                EndContext = zmq_ctx_term,
                NewSocket = zmq_socket,
                Close = zmq_close,
                SetOption = zmq_setsockopt,
                Connect = zmq_connect,
                Disconnect = zmq_disconnect,
                Monitor = zmq_socket_monitor,
                Send = zmq_send,
                InitMessage = zmq_msg_init,
                Receive = zmq_msg_recv,
                CloseMessage = zmq_msg_close,
                Data = zmq_msg_data,
                Size = zmq_msg_size,
                More = zmq_msg_more,
            };

            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_errno();
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern IntPtr zmq_strerror(int error);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_has(string capability);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern IntPtr zmq_ctx_new();
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_ctx_term(IntPtr context);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern IntPtr zmq_socket(IntPtr context, int type);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_close(IntPtr socket);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_setsockopt(IntPtr socket, int option, byte[] value, UIntPtr length);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_connect(IntPtr socket, string endpoint);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_disconnect(IntPtr socket, string endpoint);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_socket_monitor(IntPtr socket, string endpoint, int events);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_send(IntPtr socket, byte[] bytes, UIntPtr length, int flags);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_msg_init(IntPtr message);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_msg_recv(IntPtr message, IntPtr socket, int flags);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_msg_close(IntPtr message);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern IntPtr zmq_msg_data(IntPtr message);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern UIntPtr zmq_msg_size(IntPtr message);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_msg_more(IntPtr message);
        }

        /// <summary>As Homebrew has it.</summary>
        private static class MacOS
        {
            public const string Name = "libzmq.5.dylib";

            public static Libzmq Functions() => new Libzmq
            {
                Errno = zmq_errno,
                Explain = zmq_strerror,
                Has = zmq_has,
                NewContext = zmq_ctx_new,
                EndContext = zmq_ctx_term,
                NewSocket = zmq_socket,
                Close = zmq_close,
                SetOption = zmq_setsockopt,
                Connect = zmq_connect,
                Disconnect = zmq_disconnect,
                Monitor = zmq_socket_monitor,
                Send = zmq_send,
                InitMessage = zmq_msg_init,
                Receive = zmq_msg_recv,
                CloseMessage = zmq_msg_close,
                Data = zmq_msg_data,
                Size = zmq_msg_size,
                More = zmq_msg_more,
            };

            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_errno();
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern IntPtr zmq_strerror(int error);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_has(string capability);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern IntPtr zmq_ctx_new();
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_ctx_term(IntPtr context);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern IntPtr zmq_socket(IntPtr context, int type);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_close(IntPtr socket);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_setsockopt(IntPtr socket, int option, byte[] value, UIntPtr length);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_connect(IntPtr socket, string endpoint);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_disconnect(IntPtr socket, string endpoint);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_socket_monitor(IntPtr socket, string endpoint, int events);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_send(IntPtr socket, byte[] bytes, UIntPtr length, int flags);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_msg_init(IntPtr message);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_msg_recv(IntPtr message, IntPtr socket, int flags);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_msg_close(IntPtr message);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern IntPtr zmq_msg_data(IntPtr message);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern UIntPtr zmq_msg_size(IntPtr message);
            [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] private static extern int zmq_msg_more(IntPtr message);
        }
    }
}
