using System;
using System.Threading;
using Stubs;

namespace Omote.Tests.Live
{
    /// <summary>Plays a scene against a live Omote, and prints what comes of it; ends when its scene is done or stdin closes.</summary>
    internal static class Program
    {
        private const int PatienceS = 120;

        private static volatile bool _isOver;

        private static int Main(string[] arguments)
        {
            new Thread(WatchInput) { IsBackground = true }.Start();
            switch (arguments[0])
            {
                case "receive":
                    ReceiveScene.Run(arguments);
                    return 0;
                case "drive":
                    DriveScene.Run(arguments);
                    return 0;
                case "control":
                    ControlScene.Run(arguments);
                    return 0;
                default:
                    Console.Error.WriteLine($"receive, drive or control is wanted, got {arguments[0]}");
                    return 2;
            }
        }

        public static void Print(string line)
        {
            Console.WriteLine(line);
            Console.Out.Flush();
        }

        /// <summary>Runs frames at this rate until the scene is done.</summary>
        public static void Play(int hz, Func<bool> isDone)
        {
            DateTime end = DateTime.UtcNow.AddSeconds(PatienceS);
            while (!isDone() && !_isOver)
            {
                if (DateTime.UtcNow > end) throw new TimeoutException("the scene was not done in time");
                Engine.Frame(1f / hz);
                foreach (string error in Engine.Errors) Print("error " + error);
                Engine.Errors.Clear();
                Thread.Sleep(1000 / hz);
            }
        }

        private static void WatchInput()
        {
            while (Console.In.Read() >= 0) { }
            _isOver = true;
        }
    }
}
