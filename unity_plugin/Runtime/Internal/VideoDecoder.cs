using System;
using System.Text;

namespace Omote
{
    /// <summary>Fills a VideoFrame from a message; the payload's buffer changes hands, so no picture is copied.</summary>
    internal sealed class VideoDecoder
    {
        private const int MaxSide = 8192;
        private const int MaxPixels = Message.MaxPartBytes / 4;

        private static readonly string[] _formats = { "rgba8", "bgra8", "jpeg", "jpeg+lz4a" };
        private static readonly string[] _alphas = { "straight", "premultiplied", "opaque" };
        private static readonly string[] _origins = { "top", "bottom" };
        private static readonly string[] _colours = { "srgb" };
        private static readonly byte[][] _formatWords = Ascii(_formats);
        private static readonly byte[][] _alphaWords = Ascii(_alphas);
        private static readonly byte[][] _originWords = Ascii(_origins);
        private static readonly byte[][] _colourWords = Ascii(_colours);

        /// <summary>What a picture is, as `512x512 rgba8 straight top`.</summary>
        public static string Describe(VideoFrame frame) => frame.Width + "x" + frame.Height + " " + _formats[(int)frame.Format]
            + " " + _alphas[(int)frame.Alpha] + " " + _origins[(int)frame.Origin];

        public void Decode(HeaderFields header, Message message, VideoFrame frame)
        {
            frame.Format = (PictureFormat)Word(header, Field.Fmt, "fmt", _formatWords, _formats);
            Word(header, Field.Colour, "colour", _colourWords, _colours);
            frame.Origin = (PictureOrigin)Word(header, Field.Origin, "origin", _originWords, _origins);
            frame.Alpha = (PictureAlpha)Word(header, Field.Alpha, "alpha", _alphaWords, _alphas);
            frame.Width = Side(header, Field.W);
            frame.Height = Side(header, Field.H);
            CheckPixels(frame.Width, frame.Height);
            int stride = (int)header.UInt64(Field.Stride, Message.MaxPartBytes);
            CheckAlpha(frame);
            CheckPayload(message[2]);
            if (frame.IsRaw) TakePixels(message[2], stride, frame);
            else TakeJpeg(message, stride, frame);
        }

        private static void CheckPixels(int width, int height)
        {
            if (width * height > MaxPixels)
                throw new WireException("a picture has at most " + MaxPixels + " pixels, got " + width + "x" + height);
        }

        private static void CheckAlpha(VideoFrame frame)
        {
            bool isOpaque = frame.Alpha == PictureAlpha.Opaque;
            if (isOpaque != (frame.Format == PictureFormat.Jpeg))
                throw new WireException("alpha '" + _alphas[(int)frame.Alpha] + "' does not go with fmt '" + _formats[(int)frame.Format]
                    + "': jpeg is opaque, all others are not");
        }

        private static void CheckPayload(MessagePart part)
        {
            if (part.Length > Message.MaxPartBytes)
                throw new WireException("a payload has at most " + Message.MaxPartBytes + " bytes, got " + part.Length);
        }

        private static void TakePixels(MessagePart part, int stride, VideoFrame frame)
        {
            int row = 4 * frame.Width;
            if (stride < row) throw new WireException("rows of " + frame.Width + " pixels have at least " + row + " bytes, got a stride of " + stride);
            if (part.Length != (long)stride * frame.Height)
                throw new WireException(frame.Height + " rows of " + stride + " bytes are " + (long)stride * frame.Height + ", got " + part.Length);
            if (stride != row)
                for (int y = 1; y < frame.Height; y++) Buffer.BlockCopy(part.Bytes, y * stride, part.Bytes, y * row, row);
            Swap(part, frame);
            frame.Length = row * frame.Height;
        }

        private static void TakeJpeg(Message message, int stride, VideoFrame frame)
        {
            if (stride != 0) throw new WireException("a jpeg has stride 0, got " + stride);
            JpegHead.Check(message[2].Bytes, (int)message[2].Length, frame.Width, frame.Height);
            if (frame.Format == PictureFormat.JpegLz4Alpha) UnpackAlpha(message, frame);
            frame.Length = (int)message[2].Length;
            Swap(message[2], frame);
        }

        private static void UnpackAlpha(Message message, VideoFrame frame)
        {
            if (message.Count < 4) throw new WireException("jpeg+lz4a has 4 parts: topic, header, jpeg, alpha; got " + message.Count);
            CheckPayload(message[3]);
            int pixels = frame.Width * frame.Height;
            if (frame.AlphaPlane.Length < pixels) frame.AlphaPlane = new byte[pixels];
            Lz4Block.Decode(message[3].Bytes, (int)message[3].Length, frame.AlphaPlane, pixels);
        }

        private static void Swap(MessagePart part, VideoFrame frame)
        {
            byte[] data = part.Bytes;
            part.Bytes = frame.Data;
            frame.Data = data;
        }

        private static int Side(HeaderFields header, Field field)
        {
            ulong side = header.UInt64(field, MaxSide);
            if (side == 0) throw new WireException("a picture has sides from 1 to " + MaxSide + ", got 0");
            return (int)side;
        }

        private static int Word(HeaderFields header, Field field, string key, byte[][] words, string[] names)
        {
            TextSlice text = header.Text(field);
            for (int i = 0; i < words.Length; i++)
                if (text.Is(words[i])) return i;
            throw new WireException(key + " '" + text + "' is not known here, only " + string.Join(", ", names));
        }

        private static byte[][] Ascii(string[] words) => Array.ConvertAll(words, Encoding.ASCII.GetBytes);
    }
}
