using System;
using System.IO;

namespace Omote
{
    /// <summary>The keys of a client, from the file that `omote keys new NAME` wrote; whoever has it sees the pictures.</summary>
    public sealed class KeyFile
    {
        private const int KeyLetters = 40;

        private KeyFile() { }

        /// <summary>The client's name; empty where the file says none.</summary>
        public string Name { get; private set; } = "";

        /// <summary>The server's public key, 40 letters of Z85.</summary>
        public string Server { get; private set; } = "";

        /// <summary>The client's public key.</summary>
        public string Public { get; private set; } = "";

        /// <summary>The client's secret key; it is never logged.</summary>
        public string Secret { get; private set; } = "";

        /// <summary>The keys in this file; OmoteException, which names the file, where they cannot be read.</summary>
        public static KeyFile Load(string path)
        {
            try
            {
                return Parse(File.ReadAllText(path));
            }
            catch (OmoteException error)
            {
                throw new OmoteException(path + ": " + error.Message);
            }
            catch (Exception error) when (error is IOException || error is UnauthorizedAccessException || error is ArgumentException || error is NotSupportedException)
            {
                throw new OmoteException("cannot read the key file " + path + ": " + error.Message
                    + " (omote keys new NAME writes one on the sender's machine)", error);
            }
        }

        /// <summary>The keys in this text.</summary>
        public static KeyFile Parse(string text)
        {
            KeyFile keys = new KeyFile();
            string[] lines = text.Split('\n');
            for (int i = 0; i < lines.Length; i++) keys.ReadLine(lines[i].Trim(), i + 1);
            Check("server", keys.Server);
            Check("public", keys.Public);
            Check("secret", keys.Secret);
            return keys;
        }

        private void ReadLine(string line, int number)
        {
            if (line.Length == 0 || line[0] == '#') return;
            int equals = line.IndexOf('=');
            if (equals < 1) throw new OmoteException("line " + number + " must read key = \"value\"");
            string key = line.Substring(0, equals).Trim();
            string value = line.Substring(equals + 1).Trim();
            if (value.Length < 2 || value[0] != '"' || value[value.Length - 1] != '"')
                throw new OmoteException("line " + number + " must read " + key + " = \"value\", on one line");
            Take(key, value.Substring(1, value.Length - 2));
        }

        private void Take(string key, string value)
        {
            if (key == "name") Name = value;
            else if (key == "server") Server = value;
            else if (key == "public") Public = value;
            else if (key == "secret") Secret = value;
        }

        private static void Check(string key, string value)
        {
            if (!Z85.Is(value, KeyLetters)) throw new OmoteException("'" + key + "' must be " + KeyLetters + " letters of Z85; omote keys new NAME writes such a file");
        }
    }
}
