using System;

namespace Omote
{
    /// <summary>Which messages a receiver asks for.</summary>
    [Flags]
    public enum Kinds
    {
        /// <summary>Pictures.</summary>
        Video = 1,

        /// <summary>Faces in numbers.</summary>
        Params = 2,

        /// <summary>What the numbers mean.</summary>
        Schema = 4,

        /// <summary>What the sender says of itself.</summary>
        Hello = 8,

        /// <summary>All that the params endpoint sends.</summary>
        AllParams = Params | Schema | Hello,
    }

    /// <summary>What carries the bytes.</summary>
    public enum Transport
    {
        /// <summary>Managed, or with a key file the first of libzmq and NetMQ that is there.</summary>
        Auto,

        /// <summary>Our own ZMTP client: needs no library, knows no encryption.</summary>
        Managed,

        /// <summary>The native libzmq, which must be present.</summary>
        Libzmq,

        /// <summary>NetMQ, which must be present, with OMOTE_NETMQ defined.</summary>
        NetMQ,
    }

    /// <summary>What to listen to, and how.</summary>
    public sealed class ReceiverSettings
    {
        /// <summary>Where pictures come from unless somebody chose otherwise.</summary>
        public const string DefaultVideo = "tcp://127.0.0.1:5557";

        /// <summary>Where face parameters come from unless somebody chose otherwise.</summary>
        public const string DefaultParams = "tcp://127.0.0.1:5556";

        /// <summary>Where requests go unless somebody chose otherwise.</summary>
        public const string DefaultControl = "tcp://127.0.0.1:5558";

        /// <summary>`tcp://host:port`.</summary>
        public string Endpoint = DefaultVideo;

        /// <summary>1 to 64 of A-Z a-z 0-9 _ . -</summary>
        public string Subject = "omote";

        /// <summary>A format's name: `rgba8`, `bgra8.premultiplied.bottom`, `jpeg+lz4a` and so on.</summary>
        public string Format = "rgba8";

        /// <summary>What carries the bytes.</summary>
        public Transport Transport = Transport.Auto;

        /// <summary>The client key file that `omote keys new NAME` wrote; empty: no encryption.</summary>
        public string KeyFile = "";

        /// <summary>Which messages to ask for.</summary>
        public Kinds Kinds = Kinds.Video;

        /// <summary>Decodes JPEGs into VideoFrame.Pixels, on a thread of their own.</summary>
        public bool DecodesJpeg = false;
    }
}
