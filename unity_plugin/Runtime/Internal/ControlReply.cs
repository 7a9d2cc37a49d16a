using System;
using System.Collections.Generic;

namespace Omote
{
    /// <summary>The answer to a request, or why there is none.</summary>
    public sealed class ControlReply
    {
        private static readonly Dictionary<string, object> _nothing = new Dictionary<string, object>();

        internal ControlReply(ulong id, string method, IReadOnlyDictionary<string, object> result)
        {
            Id = id;
            Method = method;
            Result = result;
        }

        internal ControlReply(ulong id, string method, string errorCode, string message)
        {
            Id = id;
            Method = method;
            ErrorCode = errorCode;
            Message = message;
        }

        /// <summary>Which request it answers: what Call returned.</summary>
        public ulong Id { get; }

        /// <summary>What was asked.</summary>
        public string Method { get; internal set; }

        /// <summary>True where Result is the answer.</summary>
        public bool IsOk => ErrorCode.Length == 0;

        /// <summary>Empty, or: unsupported, version, invalid, busy, failed; timeout and closed where no answer came.</summary>
        public string ErrorCode { get; } = "";

        /// <summary>A sentence that says what went wrong; empty where nothing did.</summary>
        public string Message { get; } = "";

        /// <summary>The answer: texts, numbers (long, ulong, double), bools, lists and maps; empty where there is none.</summary>
        public IReadOnlyDictionary<string, object> Result { get; } = _nothing;

        /// <summary>A text of the answer; empty where it is missing.</summary>
        public string GetText(string key) => Result.TryGetValue(key, out object value) && value is string ? (string)value : "";

        /// <summary>A number of the answer; 0 where it is missing.</summary>
        public double GetNumber(string key)
        {
            if (!Result.TryGetValue(key, out object value)) return 0;
            return value is long || value is ulong || value is double ? Convert.ToDouble(value) : 0;
        }

        /// <summary>A whole number from 0 of the answer, all 64 bits of it; 0 where it is missing.</summary>
        public ulong GetInteger(string key)
        {
            if (!Result.TryGetValue(key, out object value)) return 0;
            if (value is ulong) return (ulong)value;
            return value is long && (long)value >= 0 ? (ulong)(long)value : 0;
        }

        /// <summary>A list of texts of the answer; empty where it is missing.</summary>
        public IReadOnlyList<string> GetTexts(string key)
        {
            List<string> texts = new List<string>();
            if (Result.TryGetValue(key, out object value) && value is List<object>)
                foreach (object item in (List<object>)value) texts.Add(item as string ?? "");
            return texts;
        }
    }
}
