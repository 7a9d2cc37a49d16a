namespace Omote
{
    /// <summary>The socket types of zmq.h that we open.</summary>
    internal enum LibzmqType
    {
        Pair = 0,
        Sub = 2,
        Dealer = 5,
    }

    /// <summary>The socket options of zmq.h that we set.</summary>
    internal enum LibzmqOption
    {
        Subscribe = 6,
        Linger = 17,
        ReconnectInterval = 18,
        ReconnectIntervalMax = 21,
        MaxMessageSize = 22,
        ReceiveHighWater = 24,
        ReceiveTimeout = 27,
        TcpKeepalive = 34,
        Immediate = 39,
        IPv6 = 42,
        CurvePublicKey = 48,
        CurveSecretKey = 49,
        CurveServerKey = 50,
        HandshakeInterval = 66,
        HeartbeatInterval = 75,
        HeartbeatTimeout = 77,
    }
}
