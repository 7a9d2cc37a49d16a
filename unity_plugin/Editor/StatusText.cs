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
            yield return Line("Age, p50 / p99", Age(now));
            yield return Line("Camera to here", now.IsAgeKnown ? Text("{0:0.0} ms", now.LatencyMs) : "not known");
            yield return Line("Gaps", Text("{0} lost, {1} replaced unseen, {2} refused", now.Missed, now.Skipped, now.Rejected));
            if (!string.IsNullOrEmpty(now.FormatText)) yield return Line("Format", now.FormatText);
        }

        private static string State(Statistics now)
        {
            if (now.State == ReceiverState.Connecting) return now.IsConnected ? "Connected, nothing has come yet" : "Connecting";
            return now.State.ToString();
        }

        private static string Age(Statistics now)
        {
            if (!now.IsAgeKnown) return "not known: another machine's clock; set Control";
            return Text("{0:0.00} / {1:0.00} ms", now.AgeP50Ms, now.AgeP99Ms);
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
