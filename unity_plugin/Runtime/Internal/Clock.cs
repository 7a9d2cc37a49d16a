using System;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Omote
{
    /// <summary>The monotonic clock of this machine, the one that Python's perf_counter_ns reads.</summary>
    public static class Clock
    {
        private const long NsPerS = 1000000000;

        // Mono's Stopwatch on Windows counts from the first time it was asked, not from the counter's own zero.
        private static readonly long _counterFrequency = CounterFrequency();

        /// <summary>Nanoseconds; allocates nothing.</summary>
        public static long NowNs()
        {
            if (_counterFrequency > 0 && QueryPerformanceCounter(out long count)) return ToNs(count, _counterFrequency);
            return ToNs(Stopwatch.GetTimestamp(), Stopwatch.Frequency);
        }

        // In two steps, for the product of count and 10^9 does not fit into 64 bits.
        private static long ToNs(long count, long frequency) =>
            count / frequency * NsPerS + count % frequency * NsPerS / frequency;

        private static long CounterFrequency()
        {
            if (Environment.OSVersion.Platform != PlatformID.Win32NT) return 0;
            try
            {
                return QueryPerformanceFrequency(out long frequency) ? frequency : 0;
            }
            catch (SystemException) // a Windows without kernel32: consoles
            {
                return 0;
            }
        }

        [DllImport("kernel32")]
        private static extern bool QueryPerformanceCounter(out long count);

        [DllImport("kernel32")]
        private static extern bool QueryPerformanceFrequency(out long frequency);
    }
}
