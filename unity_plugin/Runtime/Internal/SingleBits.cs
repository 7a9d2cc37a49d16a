using System.Runtime.InteropServices;

namespace Omote
{
    /// <summary>A float32 and its bits; BitConverter would allocate an array for each.</summary>
    [StructLayout(LayoutKind.Explicit)]
    internal struct SingleBits
    {
        [FieldOffset(0)] private uint _bits;
        [FieldOffset(0)] private float _value;

        public static float ToSingle(uint bits) => new SingleBits { _bits = bits }._value;

        public static uint ToBits(float value) => new SingleBits { _value = value }._bits;
    }
}
