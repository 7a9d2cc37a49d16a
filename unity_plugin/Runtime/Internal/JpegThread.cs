using System;
using System.Threading;

namespace Omote
{
    /// <summary>Decodes JPEGs on a thread of its own, the newest first: the thread that reads must never wait for one.</summary>
    internal sealed class JpegThread
    {
        private const int TurnMs = 100;

        private readonly object _gate = new object();
        private readonly Latest<VideoFrame> _waiting;
        private readonly Latest<VideoFrame> _decoded;
        private readonly Action<string> _onRefused;
        private readonly JpegDecoder _decoder = new JpegDecoder();
        private readonly Thread _thread;
        private volatile bool _isStopping;

        /// <summary>Hands pictures on to `decoded`; `onRefused` is called on its thread, with why a JPEG cannot be read.</summary>
        public JpegThread(Latest<VideoFrame> decoded, Action<string> onRefused)
        {
            _waiting = new Latest<VideoFrame>(_gate);
            _decoded = decoded;
            _onRefused = onRefused;
            _thread = new Thread(Run) { IsBackground = true, Name = "Omote JPEG" };
        }

        /// <summary>How many a newer one replaced before they were decoded.</summary>
        public long Replaced => _waiting.Replaced;

        public void Start() => _thread.Start();

        /// <summary>Takes this picture next; its buffers are exchanged for others.</summary>
        public void Put(VideoFrame frame)
        {
            _waiting.Back.Exchange(frame);
            _waiting.Put();
        }

        /// <summary>Waits for the thread no longer than this; false where it did not end.</summary>
        public bool Stop(int boundMs)
        {
            _isStopping = true;
            lock (_gate) Monitor.PulseAll(_gate);
            return _thread.Join(boundMs);
        }

        private void Run()
        {
            while (!_isStopping)
            {
                lock (_gate)
                {
                    if (!_waiting.IsFresh) Monitor.Wait(_gate, TurnMs);
                }
                if (_isStopping || !_waiting.TryTake(out VideoFrame frame)) continue;
                try
                {
                    if (!frame.IsRaw) Decode(frame);
                    _decoded.Back.Exchange(frame);
                    _decoded.Put();
                }
                catch (WireException error)
                {
                    _onRefused(error.Message);
                }
                catch (Exception error) // an exception that leaves a thread ends the game
                {
                    _onRefused("the jpeg cannot be decoded: " + error);
                }
            }
        }

        private void Decode(VideoFrame frame)
        {
            int pixels = frame.Width * frame.Height;
            if (frame.Decoded.Length < 4 * pixels) frame.Decoded = new byte[4 * pixels];
            byte[] into = frame.Decoded, alpha = frame.AlphaPlane;
            _decoder.Decode(frame.Data, frame.Length, frame.Width, frame.Height, into);
            bool isOpaque = frame.Format == PictureFormat.Jpeg;
            for (int i = 0; i < pixels; i++) into[4 * i + 3] = isOpaque ? byte.MaxValue : alpha[i];
        }
    }
}
