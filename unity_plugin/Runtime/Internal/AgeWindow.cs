using System;

namespace Omote
{
    /// <summary>When the last pictures arrived and how old they were, for a rate and percentiles; allocates nothing later.</summary>
    internal sealed class AgeWindow
    {
        private const int Size = 256;
        private const long RateNs = 2000000000;

        private readonly long[] _arrivedNs = new long[Size];
        private readonly long[] _ageNs = new long[Size];
        private readonly long[] _sorted = new long[Size];
        private int _count;
        private int _next;

        public void Clear() => _count = _next = 0;

        public void Add(long arrivedNs, long ageNs)
        {
            _arrivedNs[_next] = arrivedNs;
            _ageNs[_next] = ageNs;
            _next = (_next + 1) % Size;
            _count = Math.Min(_count + 1, Size);
        }

        /// <summary>Arrivals a second over the last two; 0 where fewer than two came.</summary>
        public float Rate(long nowNs)
        {
            int recent = 0;
            long oldestNs = 0;
            for (int i = 1; i <= _count; i++)
            {
                long arrivedNs = _arrivedNs[(_next - i + Size) % Size];
                if (nowNs - arrivedNs > RateNs) break;
                oldestNs = arrivedNs;
                recent++;
            }
            if (recent < 2) return 0;
            long spanNs = _arrivedNs[(_next - 1 + Size) % Size] - oldestNs;
            return spanNs > 0 ? (recent - 1) * 1e9f / spanNs : 0;
        }

        /// <summary>The median age and the one that 99 in a hundred stay under; zeros where there is none.</summary>
        public void Percentiles(out long p50Ns, out long p99Ns)
        {
            p50Ns = p99Ns = 0;
            if (_count == 0) return;
            Array.Copy(_ageNs, _sorted, _count);
            Sort(_sorted, _count);
            p50Ns = _sorted[(_count - 1) / 2];
            p99Ns = _sorted[(_count - 1) * 99 / 100];
        }

        // Shell's, for Array.Sort allocates a delegate each time in Mono.
        private static void Sort(long[] values, int count)
        {
            for (int gap = count / 2; gap > 0; gap /= 2)
            {
                for (int i = gap; i < count; i++)
                {
                    long value = values[i];
                    int at = i;
                    for (; at >= gap && values[at - gap] > value; at -= gap) values[at] = values[at - gap];
                    values[at] = value;
                }
            }
        }
    }
}
