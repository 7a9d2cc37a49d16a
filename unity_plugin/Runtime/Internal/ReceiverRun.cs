using System;
using System.Threading;

namespace Omote
{
    /// <summary>One run of a receiver, from Start to Stop: its thread owns the socket, and nothing is shared with the next run.</summary>
    internal sealed class ReceiverRun
    {
        private const int TurnMs = 100;
        private const long NsPerMs = 1000000;

        private readonly SocketOptions _options;
        private readonly Transport _transport;
        private readonly ReceiverTopics _topics;
        private readonly object _fresh = new object();
        private readonly Func<ClockReading> _clock;
        private readonly Reception _reception;
        private readonly WireDecoder _decoder = new WireDecoder();
        private readonly JpegThread _jpeg; // null where pictures are not decoded here
        private readonly VideoFrame _received = new VideoFrame(); // on its way to that
        private readonly Description<Schema> _schema = new Description<Schema>(DescriptionDecoder.DecodeSchema);
        private readonly Description<Hello> _hello = new Description<Hello>(DescriptionDecoder.DecodeHello);
        private readonly Thread _thread;
        private volatile ISocket _socket;
        private volatile bool _isStopping;

        public ReceiverRun(ReceiverSettings settings, Func<ClockReading> clock)
        {
            _topics = new ReceiverTopics(settings);
            bool isEncrypted = !string.IsNullOrEmpty(settings.KeyFile);
            _options = new SocketOptions
            {
                Role = SocketRole.Subscriber,
                Endpoint = Endpoint.Parse(settings.Endpoint),
                Topics = _topics.Wanted(),
                Keys = isEncrypted ? KeyFile.Load(settings.KeyFile) : null,
            };
            _transport = Sockets.Choose(settings.Transport, isEncrypted);
            Video = new Latest<VideoFrame>(_fresh);
            Params = new Latest<ParamsFrame>(_fresh);
            _clock = clock;
            _reception = new Reception(_options.Endpoint.IsLoopback, settings.Kinds);
            if (settings.DecodesJpeg && settings.Format.StartsWith("jpeg", StringComparison.Ordinal)) _jpeg = new JpegThread(Video, _reception.Reject);
            _thread = new Thread(Run) { IsBackground = true, Name = "Omote receiver" };
        }

        public Latest<VideoFrame> Video { get; }

        public Latest<ParamsFrame> Params { get; }

        public Schema Schema => _schema.Value;

        public Hello Hello => _hello.Value;

        public void Start()
        {
            _jpeg?.Start();
            _thread.Start();
        }

        /// <summary>Waits for the thread no longer than this.</summary>
        public void Stop(int boundMs)
        {
            _isStopping = true;
            _socket?.Cancel();
            bool hasEnded = _jpeg == null || _jpeg.Stop(boundMs);
            if (!_thread.Join(boundMs) || !hasEnded) _reception.Fail("the receiving thread did not end in " + boundMs + " ms and was left");
        }

        /// <summary>Waits until there is something to take.</summary>
        public bool Wait(int timeoutMs)
        {
            long deadlineNs = Clock.NowNs() + timeoutMs * NsPerMs;
            lock (_fresh)
            {
                while (!Video.IsFresh && !Params.IsFresh)
                {
                    long leftMs = (deadlineNs - Clock.NowNs()) / NsPerMs;
                    if (leftMs <= 0) return false;
                    Monitor.Wait(_fresh, (int)leftMs);
                }
                return true;
            }
        }

        public Statistics Read()
        {
            ISocket socket = _socket;
            bool isConnected = socket != null && socket.IsConnected;
            Statistics statistics = _reception.Read(Clock.NowNs(), !_isStopping, isConnected, socket == null ? "" : socket.LastError);
            statistics.Skipped = Video.Replaced + Params.Replaced + (_jpeg == null ? 0 : _jpeg.Replaced);
            return statistics;
        }

        private void Run()
        {
            try
            {
                using (ISocket socket = Sockets.Open(_transport, _options))
                {
                    _socket = socket;
                    Message message = Message.ForFrames();
                    while (!_isStopping)
                        if (socket.TryReceive(message, TurnMs)) Take(message);
                }
            }
            catch (Exception error) // nobody else would hear of it: an exception that leaves a thread ends the game
            {
                _reception.Fail("the receiver stopped: " + error);
            }
        }

        private void Take(Message message)
        {
            try
            {
                WireDecoder.CheckParts(message);
                int topic = _topics.Find(message[0]);
                if (topic >= 0 && !_isStopping) Take(message, topic);
            }
            catch (WireException error)
            {
                _reception.Reject(error.Message);
            }
        }

        // It is counted before it can be taken, so that whoever has taken it finds it counted.
        private void Take(Message message, int topic)
        {
            long arrivedNs = Clock.NowNs();
            Header header = _decoder.ReadHeader(message);
            Kinds kind = ReceiverTopics.KindOf(topic);
            if (kind == Kinds.Video) ReadVideo(message, header, arrivedNs);
            else if (kind == Kinds.Params) ReadParams(message, header, arrivedNs);
            else if (kind == Kinds.Schema) _schema.Read(message[2]);
            else _hello.Read(message[2]);
            _reception.Add(kind, topic, header, arrivedNs, _clock());
            if (kind == Kinds.Video) PutVideo();
            else if (kind == Kinds.Params) Params.Put();
        }

        private void PutVideo()
        {
            if (_jpeg == null) Video.Put();
            else _jpeg.Put(_received);
        }

        private void ReadVideo(Message message, Header header, long arrivedNs)
        {
            VideoFrame frame = _jpeg == null ? Video.Back : _received;
            _decoder.ReadVideo(message, frame);
            frame.Header = header;
            frame.ArrivedNs = arrivedNs;
            _reception.Describe(frame);
        }

        private void ReadParams(Message message, Header header, long arrivedNs)
        {
            ParamsFrame frame = Params.Back;
            _decoder.ReadParams(message, frame);
            frame.Header = header;
            frame.ArrivedNs = arrivedNs;
        }
    }
}
