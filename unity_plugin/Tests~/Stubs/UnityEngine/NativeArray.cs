using System;

namespace Unity.Collections
{
    public struct NativeArray<T> where T : struct
    {
        private readonly T[] _memory;

        internal NativeArray(T[] memory) { _memory = memory; }

        public int Length => _memory.Length;

        public T this[int index]
        {
            get { return _memory[index]; }
            set { _memory[index] = value; }
        }

        public static void Copy(T[] src, int srcIndex, NativeArray<T> dst, int dstIndex, int length)
        {
            Array.Copy(src, srcIndex, dst._memory, dstIndex, length);
        }

        public static void Copy(NativeArray<T> src, int srcIndex, T[] dst, int dstIndex, int length)
        {
            Array.Copy(src._memory, srcIndex, dst, dstIndex, length);
        }
    }
}
