using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Omote.Tests
{
    /// <summary>The golden vectors of tests/data, which the Python and C++ readers of the wire decode as well.</summary>
    internal static class Golden
    {
        private static readonly string _folder = Environment.GetEnvironmentVariable("OMOTE_TEST_DATA") ?? Path.Combine("tests", "data");

        public static readonly Dictionary<string, object> Said = TinyJson.Parse(File.ReadAllText(Path.Combine(_folder, "golden.json")));

        public static Dictionary<string, object> Map(string key) => (Dictionary<string, object>)Said[key];

        /// <summary>The names of the vectors that begin so.</summary>
        public static string[] Names(string prefix) => Directory.GetFiles(_folder, prefix + "*.bin")
            .Select(Path.GetFileNameWithoutExtension).OrderBy(name => name, StringComparer.Ordinal).ToArray();

        /// <summary>The parts of one message, each after its length as a little-endian uint32.</summary>
        public static byte[][] Parts(string name)
        {
            byte[] bytes = File.ReadAllBytes(Path.Combine(_folder, name + ".bin"));
            List<byte[]> parts = new List<byte[]>();
            for (int at = 0; at < bytes.Length;)
            {
                int length = BitConverter.ToInt32(bytes, at);
                parts.Add(bytes.Skip(at + 4).Take(length).ToArray());
                at += 4 + length;
            }
            return parts.ToArray();
        }

        public static float[] Floats(object list) => ((List<object>)list).Select(value => (float)(double)value).ToArray();

        public static byte[] Bytes(object list) => ((List<object>)list).Select(value => (byte)(double)value).ToArray();

        public static string[] Texts(object list) => ((List<object>)list).Cast<string>().ToArray();
    }
}
