using System;

namespace Omote
{
    /// <summary>Fills a ParamsFrame from a message.</summary>
    internal sealed class ParamsDecoder
    {
        private const int LeastBytes = 4 * 131;
        private const int BytesWithShown = LeastBytes + 4 * ParamsFrame.WeightCount;
        private const int MaxBasis = 64;

        private readonly RecognisedDecoder _recognised = new RecognisedDecoder();
        private string _basis = "";
        private byte[] _basisBytes = new byte[0];
        private byte[] _bytes;
        private int _at;

        public void Decode(HeaderFields header, MessagePart part, ParamsFrame frame)
        {
            if (part.Length > Message.MaxPartBytes)
                throw new WireException("a payload has at most " + Message.MaxPartBytes + " bytes, got " + part.Length);
            if (part.Length < LeastBytes || part.Length % 4 != 0)
                throw new WireException("params have at least " + LeastBytes + " bytes, in fours, got " + part.Length);
            frame.Basis = Basis(header.Text(Field.Basis));
            frame.Recognised = _recognised.Decode(header);
            _bytes = part.Bytes;
            _at = 0;
            TakeAll(frame);
            TakeShown(frame, part.Length >= BytesWithShown);
        }

        private void TakeAll(ParamsFrame frame)
        {
            Take(frame.Weights);
            Take(frame.Expression);
            Take(frame.JawPose);
            Take(frame.NeckPose);
            Take(frame.EyePose);
            Take(frame.Eyelids);
            Take(frame.Translation);
            Take(frame.HeadRotation);
            Take(frame.HeadTranslation);
            Take(frame.Gaze);
            frame.Confidence = TakeShare("confidence");
            frame.Presence = TakeShare("presence");
        }

        private void TakeShown(ParamsFrame frame, bool isThere)
        {
            frame.HasShownWeights = isThere;
            if (isThere) Take(frame.ShownWeights);
            else Array.Copy(frame.Weights, frame.ShownWeights, ParamsFrame.WeightCount);
        }

        private void Take(float[] values)
        {
            for (int i = 0; i < values.Length; i++) values[i] = TakeFloat();
        }

        private float TakeFloat()
        {
            uint bits = (uint)(_bytes[_at] | _bytes[_at + 1] << 8 | _bytes[_at + 2] << 16 | _bytes[_at + 3] << 24);
            float value = SingleBits.ToSingle(bits);
            if (float.IsNaN(value) || float.IsInfinity(value))
                throw new WireException("float " + _at / 4 + " of the params must be finite, got " + value);
            _at += 4;
            return value;
        }

        private float TakeShare(string name)
        {
            float value = TakeFloat();
            if (value < 0 || value > 1) throw new WireException(name + " must be between 0 and 1, got " + value);
            return value;
        }

        // The basis hardly ever changes, so its text is made once.
        private string Basis(TextSlice text)
        {
            if (text.Is(_basisBytes) && text.Length > 0) return _basis;
            string basis = text.ToString();
            if (basis.Length == 0 || basis.Length > MaxBasis)
                throw new WireException("basis must have 1 to " + MaxBasis + " letters, got " + basis.Length);
            _basisBytes = new byte[text.Length];
            Buffer.BlockCopy(text.Bytes, text.Offset, _basisBytes, 0, text.Length);
            _basis = basis;
            return basis;
        }
    }
}
