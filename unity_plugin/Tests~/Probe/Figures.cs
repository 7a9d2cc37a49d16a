using System;
using System.Globalization;

namespace Omote.Probe
{
    /// <summary>How many pictures came, and how old the last of them were; its arrays are made before the first comes.</summary>
    internal sealed class Figures
    {
        private const int Most = 4096;

        private readonly int _warmUp;
        private readonly double[] _arrivalMs = new double[Most];
        private readonly double[] _usedMs = new double[Most];
        private int _count;
        private int _collections;

        public Figures(int warmUp)
        {
            _warmUp = warmUp;
            _collections = GC.CollectionCount(0);
        }

        public long Taken { get; private set; }

        public void Add(VideoFrame frame, long nowNs)
        {
            if (Taken++ == _warmUp) _collections = GC.CollectionCount(0);
            if (Taken <= _warmUp) return;
            int at = _count % Most;
            _arrivalMs[at] = (frame.ArrivedNs - (long)frame.Header.SentNs) * 1e-6;
            _usedMs[at] = (nowNs - (long)frame.Header.SentNs) * 1e-6;
            _count++;
        }

        public string ToJson(Statistics statistics)
        {
            int collections = GC.CollectionCount(0) - _collections;
            return "{\"received\":" + statistics.Received + ",\"taken\":" + Taken + ",\"missed\":" + statistics.Missed
                + ",\"skipped\":" + statistics.Skipped + ",\"rejected\":" + statistics.Rejected + ",\"sessions\":" + statistics.Sessions
                + ",\"stale\":" + (statistics.State == ReceiverState.Live ? "false" : "true")
                + ",\"arrival_ms\":" + Spread(_arrivalMs) + ",\"used_ms\":" + Spread(_usedMs) + ",\"gc\":" + collections
                + ",\"error\":" + Json.Write(statistics.LastError) + "}";
        }

        private string Spread(double[] values)
        {
            int kept = Math.Min(_count, Most);
            double[] sorted = new double[Math.Max(kept, 1)];
            Array.Copy(values, sorted, kept);
            Array.Sort(sorted);
            return "{\"p50\":" + At(sorted, 0.50) + ",\"p95\":" + At(sorted, 0.95) + ",\"p99\":" + At(sorted, 0.99) + ",\"max\":" + At(sorted, 1) + "}";
        }

        /// <summary>Interpolated, as NumPy's percentiles are.</summary>
        private static string At(double[] sorted, double share)
        {
            double place = (sorted.Length - 1) * share;
            int below = (int)place, above = Math.Min(below + 1, sorted.Length - 1);
            double value = sorted[below] + (place - below) * (sorted[above] - sorted[below]);
            return value.ToString("0.000", CultureInfo.InvariantCulture);
        }
    }
}
