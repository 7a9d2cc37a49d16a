using System;

namespace Omote
{
    /// <summary>Decodes baseline JPEGs of one scan and three channels (ITU-T T.81) into RGBA, on any thread; its buffers are used again.</summary>
    internal sealed class JpegDecoder
    {
        private const byte Start = 0xD8, Baseline = 0xC0, HuffmanTables = 0xC4, Scan = 0xDA, QuantTables = 0xDB, RestartInterval = 0xDD;
        private const int Channels = 3, Block = 64;

        private static readonly int[] _naturalOrder =
        {
            0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
            35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
        };

        // The scales of the transform by Arai, Agui and Nakajima, which go into the quantisation.
        private static readonly double[] _scales = { 1, 1.387039845, 1.306562965, 1.175875602, 1, 0.785694958, 0.541196100, 0.275899379 };

        private readonly float[][] _quant = { new float[Block], new float[Block], new float[Block], new float[Block] };
        private readonly Huffman[] _dc = { new Huffman(), new Huffman(), new Huffman(), new Huffman() };
        private readonly Huffman[] _ac = { new Huffman(), new Huffman(), new Huffman(), new Huffman() };
        private readonly Channel[] _channels = { new Channel(), new Channel(), new Channel() };
        private readonly float[] _block = new float[Block];
        private byte[] _bytes;
        private int _length, _at;
        private int _restartInterval;
        private bool _isFlat; // the block has its first number only
        private uint _bits;
        private int _bitCount;

        /// <summary>Writes red, green and blue of every pixel and leaves the alpha; JpegHead has checked the size. WireException if it is broken.</summary>
        public void Decode(byte[] bytes, int length, int width, int height, byte[] rgba)
        {
            _bytes = bytes;
            _length = length;
            _at = 2;
            _restartInterval = 0;
            foreach (Huffman each in _dc) each.Clear();
            foreach (Huffman each in _ac) each.Clear();
            ReadTables(width, height);
            ReadScan(width, height);
            Convert(width, height, rgba);
        }

        private void ReadTables(int width, int height)
        {
            bool hasFrame = false;
            while (true)
            {
                if (Byte() != 0xFF) throw Broken("a marker was expected");
                int marker = Byte();
                while (marker == 0xFF) marker = Byte();
                int end = _at + Word();
                if (end > _length) throw Broken("a segment is cut off");
                if (marker == QuantTables) ReadQuant(end);
                else if (marker == HuffmanTables) ReadHuffman(end);
                else if (marker == RestartInterval) _restartInterval = Word();
                else if (marker == Baseline)
                {
                    ReadFrame(width, height);
                    hasFrame = true;
                }
                else if (marker == Scan)
                {
                    if (!hasFrame) throw Broken("it has no frame header");
                    ReadScanHeader();
                    _at = end;
                    return;
                }
                _at = end;
            }
        }

        private void ReadQuant(int end)
        {
            while (_at < end)
            {
                int kind = Byte();
                float[] table = _quant[kind & 3];
                for (int i = 0; i < Block; i++)
                {
                    int natural = _naturalOrder[i];
                    int step = kind >> 4 == 0 ? Byte() : Word();
                    table[natural] = (float)(step * _scales[natural / 8] * _scales[natural % 8] / 8);
                }
            }
        }

        private void ReadHuffman(int end)
        {
            while (_at < end)
            {
                int kind = Byte();
                Huffman table = (kind >> 4 == 0 ? _dc : _ac)[kind & 3];
                int total = 0;
                for (int i = 1; i <= Huffman.MostBits; i++) total += table.Counts[i] = Byte();
                if (total > 256) throw Broken("a table has " + total + " codes");
                for (int i = 0; i < total; i++) table.Values[i] = (byte)Byte();
                if (!table.Build()) throw Broken("a table has too many short codes");
            }
        }

        private void ReadFrame(int width, int height)
        {
            Byte(); // bits of a sample: a baseline JPEG has 8
            if (Word() != height || Word() != width || Byte() != Channels) throw Broken("it has another size or other channels");
            int mostX = 1, mostY = 1;
            foreach (Channel each in _channels)
            {
                each.Id = Byte();
                int sampling = Byte();
                each.X = sampling >> 4;
                each.Y = sampling & 15;
                if (each.X < 1 || each.X > 4 || each.Y < 1 || each.Y > 4) throw Broken("a channel is sampled " + each.X + "x" + each.Y);
                each.Quant = Byte() & 3;
                mostX = Math.Max(mostX, each.X);
                mostY = Math.Max(mostY, each.Y);
            }
            int acrossUnits = Up(width, 8 * mostX), downUnits = Up(height, 8 * mostY);
            foreach (Channel each in _channels) each.Fit(acrossUnits, downUnits, Up(width * each.X, mostX), Up(height * each.Y, mostY), mostX, mostY);
        }

        private void ReadScanHeader()
        {
            if (Byte() != Channels) throw Broken("its scan has not all channels");
            foreach (Channel each in _channels)
            {
                if (Byte() != each.Id) throw Broken("its scan has the channels in another order");
                int tables = Byte();
                each.Dc = tables >> 4 & 3;
                each.Ac = tables & 3;
            }
        }

        private void ReadScan(int width, int height)
        {
            _bitCount = 0;
            _bits = 0;
            foreach (Channel each in _channels) each.Before = 0;
            int across = _channels[0].UnitsAcross, units = across * _channels[0].UnitsDown;
            for (int unit = 0; unit < units; unit++)
            {
                if (_restartInterval > 0 && unit > 0 && unit % _restartInterval == 0) Restart();
                foreach (Channel each in _channels)
                    for (int block = 0; block < each.X * each.Y; block++)
                    {
                        ReadBlock(each);
                        int column = unit % across * each.X + block % each.X, row = unit / across * each.Y + block / each.X;
                        Transform(each.Samples, (row * each.Stride + column) * 8, each.Stride);
                    }
            }
        }

        private void Restart()
        {
            _bitCount = 0;
            _bits = 0;
            foreach (Channel each in _channels) each.Before = 0;
            while (_at + 1 < _length && !(_bytes[_at] == 0xFF && _bytes[_at + 1] >= 0xD0 && _bytes[_at + 1] <= 0xD7)) _at++;
            _at += 2;
        }

        private void ReadBlock(Channel channel)
        {
            Array.Clear(_block, 0, Block);
            float[] quant = _quant[channel.Quant];
            int size = Code(_dc[channel.Dc]);
            if (size > 11) throw Broken("a difference has " + size + " bits");
            channel.Before += Signed(size);
            _block[0] = channel.Before * quant[0];
            _isFlat = true;
            Huffman ac = _ac[channel.Ac];
            for (int k = 1; k < Block; k++)
            {
                int code = Code(ac);
                int run = code >> 4, bits = code & 15;
                if (bits == 0)
                {
                    if (run != 15) return; // nothing but zeros follows
                    k += 15;
                    continue;
                }
                k += run;
                if (k >= Block) throw Broken("a block has more than 64 numbers");
                _isFlat = false;
                int natural = _naturalOrder[k];
                _block[natural] = Signed(bits) * quant[natural];
            }
        }

        private int Code(Huffman table)
        {
            Need(Huffman.MostBits);
            uint window = _bits >> (_bitCount - Huffman.MostBits) & 0xFFFF;
            int entry = table.Quick[window >> (Huffman.MostBits - Huffman.QuickBits)];
            int bits = entry >> 8;
            if (bits != 0)
            {
                _bitCount -= bits;
                return entry & 255;
            }
            for (bits = Huffman.QuickBits + 1; bits <= Huffman.MostBits; bits++)
            {
                int offset = (int)(window >> (Huffman.MostBits - bits)) - table.First[bits];
                if (offset < 0 || offset >= table.Counts[bits]) continue;
                _bitCount -= bits;
                return table.Values[table.Index[bits] + offset];
            }
            throw Broken("a code is in no table");
        }

        private int Signed(int bits)
        {
            if (bits == 0) return 0;
            Need(bits);
            _bitCount -= bits;
            int value = (int)(_bits >> _bitCount & (1u << bits) - 1);
            return value < 1 << bits - 1 ? value - (1 << bits) + 1 : value;
        }

        // At a marker or the end zeros follow: what is missing is grey, and no loop goes on for it.
        private void Need(int bits)
        {
            while (_bitCount < bits)
            {
                int next = 0;
                if (_at < _length)
                {
                    next = _bytes[_at];
                    if (next != 0xFF) _at++;
                    else if (_at + 1 < _length && _bytes[_at + 1] == 0) _at += 2;
                    else next = 0;
                }
                _bits = _bits << 8 | (uint)next;
                _bitCount += 8;
            }
        }

        private void Transform(byte[] into, int at, int stride)
        {
            float[] b = _block;
            if (_isFlat)
            {
                byte flat = Sample(b[0]);
                for (int y = 0; y < 8; y++)
                    for (int x = 0; x < 8; x++) into[at + y * stride + x] = flat;
                return;
            }
            for (int x = 0; x < 8; x++) Turn(b, x, 8);
            for (int y = 0; y < 8; y++)
            {
                Turn(b, y * 8, 1);
                for (int x = 0; x < 8; x++) into[at + y * stride + x] = Sample(b[y * 8 + x]);
            }
        }

        // What is below 0 after rounding is 0, so rounding towards zero serves.
        private static byte Sample(float centred)
        {
            int value = (int)(centred + 128.5f);
            return (byte)(value < 0 ? 0 : value > 255 ? 255 : value);
        }

        // One row or column by the scheme of Arai, Agui and Nakajima.
        private static void Turn(float[] b, int at, int step)
        {
            int i1 = at + step, i2 = i1 + step, i3 = i2 + step, i4 = i3 + step, i5 = i4 + step, i6 = i5 + step, i7 = i6 + step;
            float sum = b[at] + b[i4], difference = b[at] - b[i4];
            float even = b[i2] + b[i6], turned = (b[i2] - b[i6]) * 1.414213562f - even;
            float e0 = sum + even, e3 = sum - even, e1 = difference + turned, e2 = difference - turned;
            float z13 = b[i5] + b[i3], z10 = b[i5] - b[i3], z11 = b[i1] + b[i7], z12 = b[i1] - b[i7];
            float o7 = z11 + z13, z5 = (z10 + z12) * 1.847759065f;
            float o6 = z5 - z10 * 2.613125930f - o7;
            float o5 = (z11 - z13) * 1.414213562f - o6;
            float o4 = z5 - z12 * 1.082392200f - o5;
            b[at] = e0 + o7;
            b[i7] = e0 - o7;
            b[i1] = e1 + o6;
            b[i6] = e1 - o6;
            b[i2] = e2 + o5;
            b[i5] = e2 - o5;
            b[i3] = e3 + o4;
            b[i4] = e3 - o4;
        }

        private void Convert(int width, int height, byte[] rgba)
        {
            for (int y = 0, at = 0; y < height; y++)
            {
                int[] luma = _channels[0].Row(y, width), blue = _channels[1].Row(y, width), red = _channels[2].Row(y, width);
                for (int x = 0; x < width; x++, at += 4)
                {
                    int light = (luma[x] << 16) + 32768, cb = blue[x] - 128, cr = red[x] - 128;
                    int r = light + 91881 * cr >> 16, g = light - 22554 * cb - 46802 * cr >> 16, b = light + 116130 * cb >> 16;
                    rgba[at] = (byte)(r < 0 ? 0 : r > 255 ? 255 : r);
                    rgba[at + 1] = (byte)(g < 0 ? 0 : g > 255 ? 255 : g);
                    rgba[at + 2] = (byte)(b < 0 ? 0 : b > 255 ? 255 : b);
                }
            }
        }

        private static int Up(int value, int unit) => (value + unit - 1) / unit;

        private int Byte()
        {
            if (_at >= _length) throw Broken("it is cut off");
            return _bytes[_at++];
        }

        private int Word()
        {
            int high = Byte();
            return high << 8 | Byte();
        }

        private static WireException Broken(string what) => new WireException("the jpeg cannot be read: " + what);

        /// <summary>The codes of one table: short ones are looked up, long ones are counted out.</summary>
        private sealed class Huffman
        {
            public const int MostBits = 16, QuickBits = 9;

            public readonly int[] Counts = new int[MostBits + 1];
            public readonly byte[] Values = new byte[256];
            public readonly int[] First = new int[MostBits + 1];
            public readonly int[] Index = new int[MostBits + 1];
            public readonly short[] Quick = new short[1 << QuickBits]; // bits, then the value; 0: it is longer

            public void Clear()
            {
                Array.Clear(Counts, 0, Counts.Length);
                Array.Clear(Quick, 0, Quick.Length);
            }

            /// <summary>False where there are more codes than their lengths allow.</summary>
            public bool Build()
            {
                Array.Clear(Quick, 0, Quick.Length);
                int code = 0, index = 0;
                for (int bits = 1; bits <= MostBits; bits++)
                {
                    First[bits] = code;
                    Index[bits] = index;
                    for (int i = 0; i < Counts[bits]; i++, code++, index++)
                    {
                        if (code >= 1 << bits) return false;
                        if (bits > QuickBits) continue;
                        int start = code << QuickBits - bits;
                        for (int j = 0; j < 1 << QuickBits - bits; j++) Quick[start + j] = (short)(bits << 8 | Values[index]);
                    }
                    code <<= 1;
                }
                return true;
            }
        }

        private sealed class Channel
        {
            public int Id, X, Y, Quant, Dc, Ac, Before;
            public int UnitsAcross, UnitsDown, Stride;
            public byte[] Samples = new byte[0];
            private int[] _row = new int[0], _sums = new int[0];
            private int _width, _height;
            private bool _isHalfAcross, _isHalfDown;
            private int _partX, _partY, _ofX, _ofY;

            public void Fit(int unitsAcross, int unitsDown, int width, int height, int mostX, int mostY)
            {
                UnitsAcross = unitsAcross;
                UnitsDown = unitsDown;
                Stride = unitsAcross * X * 8;
                long count = (long)Stride * unitsDown * Y * 8;
                if (count > 2 * Message.MaxPartBytes) throw Broken("it needs " + count + " samples");
                if (Samples.Length < count) Samples = new byte[count];
                _width = width;
                _height = height;
                _partX = X;
                _ofX = mostX;
                _partY = Y;
                _ofY = mostY;
                _isHalfAcross = 2 * X == mostX;
                _isHalfDown = 2 * Y == mostY;
            }

            /// <summary>The samples of one row of the picture; between those of a channel of half size, three parts of the near and one of the far.</summary>
            public int[] Row(int y, int width)
            {
                if (_row.Length < width) _row = new int[width];
                if (_sums.Length < _width) _sums = new int[_width];
                int row = _isHalfDown ? y >> 1 : y * _partY / _ofY;
                int near = row * Stride, far = (_isHalfDown ? Near(row, y, _height) : row) * Stride;
                for (int x = 0; x < _width; x++) _sums[x] = 3 * Samples[near + x] + Samples[far + x];
                if (!_isHalfAcross)
                {
                    for (int x = 0; x < width; x++) _row[x] = _sums[_partX == _ofX ? x : x * _partX / _ofX] + 2 >> 2;
                    return _row;
                }
                for (int x = 0; x < width; x++) _row[x] = 3 * _sums[x >> 1] + _sums[Near(x >> 1, x, _width)] + 8 >> 4;
                return _row;
            }

            private static int Near(int index, int pixel, int count)
            {
                int other = (pixel & 1) == 0 ? index - 1 : index + 1;
                return other < 0 ? 0 : other >= count ? count - 1 : other;
            }
        }
    }
}
