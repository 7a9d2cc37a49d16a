using System.Collections.Generic;
using System.Globalization;

namespace Omote.Editors
{
    /// <summary>Where a component stands, in the lines that its inspector shows.</summary>
    internal static class StatusText
    {
        /// <summary>Label and text of each line.</summary>
        public static IEnumerable<KeyValuePair<string, string>> Of(Statistics now)
        {
            yield return Line("State", State(now));
            yield return Line("Rate", Text("{0:0.0} a second", now.Fps));
            yield return Line("Age since captured, p50 / p99", Milliseconds(now, now.AgeP50Ms, now.AgeP99Ms));
            yield return Line("Transit since sent, p50 / p99", Milliseconds(now, now.TransitP50Ms, now.TransitP99Ms));
            yield return Line("Gaps", Text("{0} lost, {1} replaced unseen, {2} refused", now.Missed, now.Skipped, now.Rejected));
            if (!string.IsNullOrEmpty(now.FormatText)) yield return Line("Format", now.FormatText);
        }

        private static string State(Statistics now)
        {
            if (now.State == ReceiverState.Connecting) return now.IsConnected ? "Connected, nothing has come yet" : "Connecting";
            return now.State.ToString();
        }

        private static string Milliseconds(Statistics now, float p50Ms, float p99Ms)
        {
            if (!now.IsAgeKnown) return "not known: another machine's clock; set Control";
            return Text("{0:0.00} / {1:0.00} ms", p50Ms, p99Ms);
        }

        private static KeyValuePair<string, string> Line(string label, string text)
        {
            return new KeyValuePair<string, string>(label, text);
        }

        private static string Text(string format, params object[] values)
        {
            return string.Format(CultureInfo.InvariantCulture, format, values);
        }
    }
}
