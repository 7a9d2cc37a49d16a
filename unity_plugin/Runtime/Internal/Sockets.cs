namespace Omote
{
    /// <summary>Chooses what carries the bytes.</summary>
    internal static class Sockets
    {
        /// <summary>Throws OmoteException, with the cure, where this transport cannot work here.</summary>
        public static Transport Choose(Transport wanted, bool isEncrypted)
        {
            if (wanted == Transport.Auto) wanted = isEncrypted ? Encrypted() : Transport.Managed;
            if (wanted == Transport.Managed && isEncrypted)
                throw new OmoteException("the managed transport knows no encryption: with a key file choose Auto, Libzmq or NetMQ");
            if (wanted == Transport.Libzmq) LibzmqSocket.CheckAvailable(isEncrypted);
            if (wanted == Transport.NetMQ) CheckNetmq();
            return wanted;
        }

        /// <summary>Opens a socket; on the thread that will use it.</summary>
        public static ISocket Open(Transport transport, SocketOptions options)
        {
            if (transport == Transport.Libzmq) return new LibzmqSocket(options);
#if OMOTE_NETMQ
            if (transport == Transport.NetMQ) return new NetmqSocket(options);
#endif
            return new ZmtpSocket(options);
        }

#if OMOTE_NETMQ
        private static Transport Encrypted() => LibzmqSocket.IsAvailable ? Transport.Libzmq : Transport.NetMQ;

        private static void CheckNetmq() { }
#else
        private static Transport Encrypted() => Transport.Libzmq;

        private static void CheckNetmq()
        {
            throw new OmoteException("NetMQ is not built in: install the package org.nuget.netmq, or define OMOTE_NETMQ beside your NetMQ.dll");
        }
#endif
    }
}
