using System.Collections.Generic;

namespace Omote
{
    /// <summary>A face in numbers; its arrays are used again, so it holds only until the next one is taken.</summary>
    public sealed class ParamsFrame
    {
        /// <summary>How many ARKit weights a face has.</summary>
        public const int WeightCount = 52;

        /// <summary>Which message this is, and when.</summary>
        public Header Header;

        /// <summary>When the whole message was here, on our clock (Clock.NowNs).</summary>
        public long ArrivedNs;

        /// <summary>The language of Expression: `open` or `flame2020`.</summary>
        public string Basis = "";

        /// <summary>[52] ARKit weights as the tracker saw them, 0 (rest) to 1 (full), in the schema's order.</summary>
        public readonly float[] Weights = new float[WeightCount];

        /// <summary>[50] FLAME expression as the portrait shows it, in Basis; so are the next five.</summary>
        public readonly float[] Expression = new float[50];

        /// <summary>[3] Rotation vector in radians, +x opens.</summary>
        public readonly float[] JawPose = new float[3];

        /// <summary>[3] Rotation vector, the whole turn of the head as shown.</summary>
        public readonly float[] NeckPose = new float[3];

        /// <summary>[6] Rotation vectors of the left, then the right eye.</summary>
        public readonly float[] EyePose = new float[6];

        /// <summary>[2] Left, right: 0 open, 1 closed.</summary>
        public readonly float[] Eyelids = new float[2];

        /// <summary>[3] Metres.</summary>
        public readonly float[] Translation = new float[3];

        /// <summary>[3] Rotation vector of the head as the tracker saw it; so are the next two.</summary>
        public readonly float[] HeadRotation = new float[3];

        /// <summary>[3] Metres: x to the subject's left, y up, z to the camera.</summary>
        public readonly float[] HeadTranslation = new float[3];

        /// <summary>[4] Pitch, yaw of the left eye, pitch, yaw of the right, in the head's frame.</summary>
        public readonly float[] Gaze = new float[4];

        /// <summary>0 where no face was seen, else how well the points fit, to 1.</summary>
        public float Confidence;

        /// <summary>1 the performer's face, 0 idle; between, the portrait eases from one to the other.</summary>
        public float Presence;

        /// <summary>[52] ARKit weights as the portrait shows them; those seen where the sender has not said.</summary>
        public readonly float[] ShownWeights = new float[WeightCount];

        /// <summary>The expressions that the performer makes, by name: smile, blink; another list when they change.</summary>
        public IReadOnlyList<string> Recognised = new string[0];

        /// <summary>True where the sender said what is shown.</summary>
        public bool HasShownWeights;
    }
}
