using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Omote.Tests
{
    /// <summary>Reads golden.json: Dictionary, List, string, double, bool or null.</summary>
    internal sealed class TinyJson
    {
        private readonly string _text;
        private int _at;

        private TinyJson(string text)
        {
            _text = text;
        }

        public static Dictionary<string, object> Parse(string text) => (Dictionary<string, object>)new TinyJson(text).Value();

        private object Value()
        {
            char first = Next();
            if (first == '{') return Map();
            if (first == '[') return Items();
            if (first == '"') return Text();
            if (first == 't') return Word("true", true);
            if (first == 'f') return Word("false", false);
            if (first == 'n') return Word("null", null);
            return Number();
        }

        private Dictionary<string, object> Map()
        {
            Dictionary<string, object> map = new Dictionary<string, object>();
            _at++;
            while (Next() != '}')
            {
                string key = Text();
                Take(':');
                map[key] = Value();
                if (Next() == ',') _at++;
            }
            _at++;
            return map;
        }

        private List<object> Items()
        {
            List<object> list = new List<object>();
            _at++;
            while (Next() != ']')
            {
                list.Add(Value());
                if (Next() == ',') _at++;
            }
            _at++;
            return list;
        }

        private string Text()
        {
            Take('"');
            StringBuilder text = new StringBuilder();
            while (_text[_at] != '"')
            {
                char letter = _text[_at++];
                text.Append(letter == '\\' ? Escaped() : letter);
            }
            _at++;
            return text.ToString();
        }

        private char Escaped()
        {
            char letter = _text[_at++];
            if (letter == 'n') return '\n';
            if (letter == 't') return '\t';
            if (letter != 'u') return letter;
            _at += 4;
            return (char)int.Parse(_text.Substring(_at - 4, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        }

        private object Number()
        {
            int start = _at;
            while ("+-.eE0123456789".IndexOf(_text[_at]) >= 0) _at++;
            return double.Parse(_text.Substring(start, _at - start), NumberStyles.Float, CultureInfo.InvariantCulture);
        }

        private object Word(string word, object value)
        {
            if (string.CompareOrdinal(_text, _at, word, 0, word.Length) != 0) throw new FormatException("wanted " + word + " at " + _at);
            _at += word.Length;
            return value;
        }

        private char Next()
        {
            while (char.IsWhiteSpace(_text[_at])) _at++;
            return _text[_at];
        }

        private void Take(char wanted)
        {
            if (Next() != wanted) throw new FormatException("wanted " + wanted + " at " + _at);
            _at++;
        }
    }
}
