using System;
using System.Globalization;

namespace Omote.Probe
{
    /// <summary>What the command line asks for.</summary>
    internal sealed class Arguments
    {
        private const double DefaultSeconds = 600;

        public readonly ReceiverSettings Settings = new ReceiverSettings { Kinds = Kinds.Video | Kinds.AllParams };
        public double Seconds = DefaultSeconds;
        public long Count = long.MaxValue;
        public int WorkMs;
        public int WarmUp;
        public bool PrintsFrames;
        public bool EndsWithError;

        public static Arguments Parse(string[] words)
        {
            Arguments arguments = new Arguments();
            for (int i = 0; i < words.Length; i++)
            {
                if (words[i] == "--frames") arguments.PrintsFrames = true;
                else if (words[i] == "--until-error") arguments.EndsWithError = true;
                else if (i + 1 < words.Length) arguments.Take(words[i], words[++i]);
                else throw new OmoteException(words[i] + " wants a value");
            }
            return arguments;
        }

        public static Transport ParseTransport(string name)
        {
            if (name == "managed") return Transport.Managed;
            if (name == "libzmq") return Transport.Libzmq;
            throw new OmoteException("--transport is managed or libzmq, got " + name);
        }

        private void Take(string flag, string value)
        {
            if (flag == "--endpoint") Settings.Endpoint = value;
            else if (flag == "--subject") Settings.Subject = value;
            else if (flag == "--format") Settings.Format = value;
            else if (flag == "--transport") Settings.Transport = ParseTransport(value);
            else if (flag == "--keys") Settings.KeyFile = value;
            else if (flag == "--seconds") Seconds = Number(flag, value);
            else if (flag == "--count") Count = (long)Number(flag, value);
            else if (flag == "--work-ms") WorkMs = (int)Number(flag, value);
            else if (flag == "--warm-up") WarmUp = (int)Number(flag, value);
            else throw new OmoteException("there is no " + flag);
        }

        private static double Number(string flag, string value)
        {
            if (double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)) return number;
            throw new OmoteException(flag + " wants a number, got " + value);
        }
    }
}
