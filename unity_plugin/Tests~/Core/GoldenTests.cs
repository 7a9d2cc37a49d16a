using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using NUnit.Framework;

namespace Omote.Tests
{
    /// <summary>Every golden vector is read as golden.json says, or refused as it says.</summary>
    public class GoldenTests
    {
        private static readonly Dictionary<string, object> _refused = Golden.Map("refused");

        [Test]
        public void EveryVectorOfTheWireHasAnExpectation()
        {
            string[] names = Golden.Names("wire_").Concat(Golden.Names("control_")).ToArray();
            Assert.That(names.Length, Is.GreaterThan(40));
            foreach (string name in names) Assert.That(Golden.Said.ContainsKey(name) || _refused.ContainsKey(name), name);
        }

        [Test]
        public void EveryPictureIsReadAsPythonReadsIt()
        {
            string[] names = Golden.Names("wire_video");
            Assert.That(names.Length, Is.GreaterThan(8));
            foreach (string name in names) CheckPicture(name);
        }

        [Test]
        public void EveryFaceIsReadAsPythonReadsIt()
        {
            string[] names = Golden.Names("wire_params");
            Assert.That(names.Length, Is.GreaterThan(2));
            foreach (string name in names) CheckFace(name);
        }

        [Test]
        public void EverySchemaIsReadAsPythonReadsIt()
        {
            foreach (string name in Golden.Names("wire_schema"))
            {
                Schema schema = DescriptionDecoder.DecodeSchema(Read(name, out Header _)[2]);
                Assert.AreEqual(Golden.Texts(Golden.Map(name)["weights"]), schema.Weights.ToArray(), name);
                string[] fields = ((List<object>)Golden.Map(name)["fields"]).Select(Pair).ToArray();
                Assert.AreEqual(fields, schema.Fields.Select(field => field.Key + " " + field.Value).ToArray(), name);
            }
        }

        [Test]
        public void HelloIsReadAsPythonReadsIt()
        {
            Hello hello = DescriptionDecoder.DecodeHello(Read("wire_hello", out Header _)[2]);
            Dictionary<string, object> said = Golden.Map("wire_hello");
            Assert.AreEqual(said["omote"], hello.Omote);
            Assert.AreEqual(said["wire"], hello.Wire);
            Assert.AreEqual(Golden.Texts(said["formats"]), hello.Formats.ToArray());
            Assert.AreEqual(new[] { said["video"], said["params"], said["control"] }, new object[] { hello.VideoPort, hello.ParamsPort, hello.ControlPort });
            Assert.AreEqual(Golden.Texts(said["methods"]), hello.Methods.ToArray());
        }

        [Test]
        public void EveryVectorThatBreaksARuleIsRefusedByName()
        {
            string[] names = Golden.Names("wire_refused_");
            Assert.That(names.Length, Is.GreaterThan(20));
            foreach (string name in names)
            {
                WireException error = Assert.Throws<WireException>(() => Decode(name), name);
                Assert.That(error.Message, Is.StringContaining((string)_refused[name]), name);
            }
        }

        private static void CheckPicture(string name)
        {
            Dictionary<string, object> said = Golden.Map(name);
            VideoFrame frame = new VideoFrame();
            WireDecoder decoder = new WireDecoder();
            Message message = Messages.Of(Golden.Parts(name));
            WireDecoder.CheckParts(message);
            CheckHeader(decoder.ReadHeader(message), name);
            decoder.ReadVideo(message, frame);
            Assert.AreEqual(said["width"], frame.Width, name);
            Assert.AreEqual(said["height"], frame.Height, name);
            Assert.AreEqual(said["alpha"], frame.Alpha.ToString().ToLowerInvariant(), name);
            byte[] rgba = Golden.Bytes(said["rgba"]);
            if (frame.IsRaw) Assert.AreEqual(rgba, Upright(frame), name);
            else CheckJpeg(frame, rgba, name);
        }

        // Decoders differ by a little; alpha is exact.
        private static void CheckJpeg(VideoFrame frame, byte[] rgba, string name)
        {
            Assert.AreEqual(new byte[] { 0xFF, 0xD8 }, frame.Data.Take(2).ToArray(), name);
            var pixels = new byte[rgba.Length];
            new JpegDecoder().Decode(frame.Data, frame.Length, frame.Width, frame.Height, pixels);
            double tolerance = System.Convert.ToDouble(Golden.Map(name)["tolerance"], CultureInfo.InvariantCulture);
            for (int i = 0; i < rgba.Length; i++)
            {
                int at = Turned(i / 4, frame);
                bool isAlpha = i % 4 == 3;
                int found = !isAlpha ? pixels[4 * at + i % 4] : frame.Format == PictureFormat.Jpeg ? 255 : frame.AlphaPlane[at];
                Assert.AreEqual(rgba[i], found, isAlpha ? 0 : tolerance, name + " " + i);
            }
        }

        private static byte[] Upright(VideoFrame frame)
        {
            int[] order = frame.Format == PictureFormat.Rgba8 ? new[] { 0, 1, 2, 3 } : new[] { 2, 1, 0, 3 };
            return Enumerable.Range(0, frame.Length).Select(i => frame.Data[4 * Turned(i / 4, frame) + order[i % 4]]).ToArray();
        }

        private static int Turned(int pixel, VideoFrame frame)
        {
            int row = pixel / frame.Width;
            return frame.Origin == PictureOrigin.Top ? pixel : (frame.Height - 1 - row) * frame.Width + pixel % frame.Width;
        }

        private static void CheckFace(string name)
        {
            Dictionary<string, object> said = Golden.Map(name);
            WireDecoder decoder = new WireDecoder();
            Message message = Messages.Of(Golden.Parts(name));
            ParamsFrame face = new ParamsFrame();
            CheckHeader(decoder.ReadHeader(message), name);
            decoder.ReadParams(message, face);
            Assert.AreEqual(said["basis"], face.Basis, name);
            Assert.AreEqual(said.ContainsKey("recognised") ? Golden.Texts(said["recognised"]) : new string[0], face.Recognised.ToArray(), name);
            Dictionary<string, float[]> fields = new Dictionary<string, float[]>
            {
                { "weights", face.Weights }, { "expression", face.Expression }, { "jaw_pose", face.JawPose }, { "neck_pose", face.NeckPose },
                { "eye_pose", face.EyePose }, { "eyelids", face.Eyelids }, { "translation", face.Translation },
                { "head_rotation", face.HeadRotation }, { "head_translation", face.HeadTranslation }, { "gaze", face.Gaze },
                { "confidence", new[] { face.Confidence } }, { "presence", new[] { face.Presence } },
            };
            foreach (KeyValuePair<string, float[]> field in fields) Assert.AreEqual(Golden.Floats(said[field.Key]), field.Value, name + " " + field.Key);
            Assert.AreEqual(said.ContainsKey("shown_weights"), face.HasShownWeights, name);
            Assert.AreEqual(Golden.Floats(said[face.HasShownWeights ? "shown_weights" : "weights"]), face.ShownWeights, name);
        }

        private static void CheckHeader(Header header, string name)
        {
            Dictionary<string, object> said = Golden.Map("header");
            ulong[] found = { header.Session, header.Sequence, header.Index, header.CapturedNs, header.GeneratedNs, header.SentNs, header.WallNs };
            string[] keys = { "session", "sequence", "index", "captured_ns", "generated_ns", "sent_ns", "wall_ns" };
            Assert.AreEqual(keys.Select(key => ulong.Parse((string)said[key], CultureInfo.InvariantCulture)).ToArray(), found, name);
        }

        private static Message Read(string name, out Header header)
        {
            Message message = Messages.Of(Golden.Parts(name));
            WireDecoder.CheckParts(message);
            header = new WireDecoder().ReadHeader(message);
            CheckHeader(header, name);
            return message;
        }

        private static void Decode(string name) => Decoding.All(Messages.Of(Golden.Parts(name)));

        private static string Pair(object pair) => ((List<object>)pair)[0] + " " + Convert.ToString(((List<object>)pair)[1], CultureInfo.InvariantCulture);
    }
}
