using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;

namespace Omote.Probe
{
    /// <summary>`probe control ENDPOINT METHOD [--transport T] [--keys FILE] [key=value]...` prints the reply as one line of JSON.</summary>
    internal static class ControlCommand
    {
        private const int PatienceMs = 30000;
        private const int TurnMs = 2;

        public static int Run(string[] words)
        {
            if (words.Length < 3) throw new OmoteException("control wants an endpoint and a method");
            ControlSettings settings = new ControlSettings { Endpoint = words[1] };
            Dictionary<string, object> arguments = new Dictionary<string, object>();
            for (int i = 3; i < words.Length; i++)
            {
                if (words[i] == "--transport") settings.Transport = Arguments.ParseTransport(words[++i]);
                else if (words[i] == "--keys") settings.KeyFile = words[++i];
                else Take(arguments, words[i]);
            }
            using (ControlClient control = new ControlClient())
            {
                control.Start(settings);
                return words[2] == "measure" ? Measure(control) : Ask(control, words[2], arguments);
            }
        }

        private static int Ask(ControlClient control, string method, Dictionary<string, object> arguments)
        {
            ControlReply reply = null;
            control.Call(method, arguments.Count > 0 ? arguments : null, answer => reply = answer, ControlClient.SlowTimeoutMs);
            for (int waitedMs = 0; reply == null && waitedMs < PatienceMs; waitedMs += TurnMs)
            {
                Thread.Sleep(TurnMs);
                control.Poll();
            }
            bool isOk = reply != null && reply.IsOk;
            if (isOk) Console.WriteLine("{\"result\":" + Json.Write(reply.Result) + "}");
            else Console.WriteLine("{\"error\":{\"code\":" + Json.Write(reply?.ErrorCode) + ",\"message\":" + Json.Write(reply?.Message) + "}}");
            return isOk ? 0 : 1;
        }

        private static int Measure(ControlClient control)
        {
            for (int waitedMs = 0; control.Clock == null && waitedMs < PatienceMs; waitedMs += TurnMs) Thread.Sleep(TurnMs);
            ClockReading clock = control.Clock;
            if (clock == null) throw new OmoteException("the clock was not measured: " + control.LastError);
            Console.WriteLine("{\"session\":\"" + clock.Session + "\",\"offset_ns\":" + clock.OffsetNs + ",\"uncertainty_ns\":" + clock.UncertaintyNs + "}");
            return 0;
        }

        // "a=1", "a=text", "a=nil", "a=x,y" (a list) and "a.b=1" (b within the map a).
        private static void Take(Dictionary<string, object> arguments, string word)
        {
            int equals = word.IndexOf('=');
            if (equals < 1) throw new OmoteException("an argument reads key=value, got " + word);
            string key = word.Substring(0, equals);
            object value = Value(word.Substring(equals + 1));
            int dot = key.IndexOf('.');
            if (dot < 0) arguments[key] = value;
            else Map(arguments, key.Substring(0, dot))[key.Substring(dot + 1)] = value;
        }

        private static Dictionary<string, object> Map(Dictionary<string, object> arguments, string key)
        {
            if (!arguments.ContainsKey(key)) arguments[key] = new Dictionary<string, object>();
            return (Dictionary<string, object>)arguments[key];
        }

        private static object Value(string text)
        {
            if (text == "nil") return null;
            if (text.IndexOf(',') >= 0) return Array.ConvertAll(text.TrimEnd(',').Split(','), Value);
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)) return number;
            return text;
        }
    }
}
