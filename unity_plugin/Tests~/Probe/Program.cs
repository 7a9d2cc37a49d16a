using System;
using System.Threading;

namespace Omote.Probe
{
    /// <summary>A receiver on the command line, for tests and benchmarks.</summary>
    internal static class Program
    {
        private const int TurnMs = 50;
        private const long NsPerS = 1000000000;

        private static int Main(string[] words)
        {
            try
            {
                if (words.Length > 0 && words[0] == "control") return ControlCommand.Run(words);
                if (words.Length > 0 && words[0] == "discover") return Discover();
                Run(Arguments.Parse(words));
                return 0;
            }
            catch (OmoteException error)
            {
                Console.Error.WriteLine("probe: " + error.Message);
                return 2;
            }
        }

        private static int Discover()
        {
            foreach (Sender each in Discovery.Find(1000))
                Console.WriteLine(each.Session + " " + each.Name + " " + each.Subject + " " + each.Video + " " + each.Params + " " + each.Control + " " + each.IsEncrypted);
            return 0;
        }

        private static void Run(Arguments arguments)
        {
            using (Receiver receiver = new Receiver())
            {
                Figures figures = new Figures(arguments.WarmUp);
                receiver.Start(arguments.Settings);
                if (IsReady(receiver, arguments)) Listen(receiver, arguments, figures);
                Console.WriteLine(figures.ToJson(receiver.GetStatistics()));
            }
        }

        private static bool IsReady(Receiver receiver, Arguments arguments)
        {
            long deadlineNs = Clock.NowNs() + (long)(arguments.Seconds * NsPerS);
            while (!receiver.GetStatistics().IsConnected)
            {
                if (Clock.NowNs() > deadlineNs) return false;
                if (arguments.EndsWithError && receiver.GetStatistics().LastError.Length > 0) return false;
                Thread.Sleep(1);
            }
            Console.WriteLine("ready");
            Console.Out.Flush();
            return true;
        }

        private static void Listen(Receiver receiver, Arguments arguments, Figures figures)
        {
            Printer printer = new Printer();
            long deadlineNs = Clock.NowNs() + (long)(arguments.Seconds * NsPerS);
            while (Clock.NowNs() < deadlineNs && figures.Taken < arguments.Count)
            {
                if (!receiver.Wait(TurnMs)) continue;
                if (receiver.TryTake(out ParamsFrame face) && arguments.PrintsFrames) Printer.Print(face);
                if (!receiver.TryTake(out VideoFrame frame)) continue;
                figures.Add(frame, Clock.NowNs());
                if (arguments.PrintsFrames) printer.Print(frame);
                if (arguments.WorkMs > 0) Thread.Sleep(arguments.WorkMs);
            }
        }
    }
}
