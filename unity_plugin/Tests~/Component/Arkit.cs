using System.Collections.Generic;

namespace Omote.Tests
{
    /// <summary>The 52 names in the schema's order.</summary>
    internal static class Arkit
    {
        public static readonly string[] Names = Make();

        public static int Index(string name) { return System.Array.IndexOf(Names, name); }

        private static string[] Make()
        {
            var names = new List<string>();
            string[] eye = { "Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide" };
            foreach (string side in new[] { "Left", "Right" })
            {
                foreach (string part in eye) names.Add("eye" + part + side);
            }
            names.AddRange("jawForward jawLeft jawRight jawOpen mouthClose mouthFunnel mouthPucker mouthLeft mouthRight".Split(' '));
            AddSides(names, "mouthSmile mouthFrown mouthDimple mouthStretch");
            names.AddRange("mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper".Split(' '));
            AddSides(names, "mouthPress mouthLowerDown mouthUpperUp browDown");
            names.Add("browInnerUp");
            AddSides(names, "browOuterUp");
            names.Add("cheekPuff");
            AddSides(names, "cheekSquint noseSneer");
            names.Add("tongueOut");
            return names.ToArray();
        }

        private static void AddSides(List<string> names, string stems)
        {
            foreach (string stem in stems.Split(' '))
            {
                names.Add(stem + "Left");
                names.Add(stem + "Right");
            }
        }
    }
}
