using System;

namespace Omote
{
    /// <summary>Reads ZMTP 3.0's frames into messages (rfc.zeromq.org/spec/23); LinkException where they are none.</summary>
    internal sealed class ZmtpFrames
    {
        /// <summary>Reads at least one byte into bytes[offset..offset+count]; returns how many.</summary>
        public delegate int Source(byte[] bytes, int offset, int count);

        /// <summary>Takes a command: its name and body are the first `length` bytes.</summary>
        public delegate void CommandSink(byte[] bytes, int length);

        private const int More = 1, Long = 2, Command = 4;
        private const int MaxParts = 64;

        private readonly Source _source;
        private readonly CommandSink _onCommand;
        private readonly long _maxPartBytes;
        private readonly byte[] _stage;
        private readonly byte[] _small;
        private int _stageAt;
        private int _stageEnd;

        public ZmtpFrames(Source source, CommandSink onCommand, long maxPartBytes, ZmtpBuffers buffers)
        {
            _stage = buffers.Stage;
            _small = buffers.Command;
            _source = source;
            _onCommand = onCommand;
            _maxPartBytes = maxPartBytes;
        }

        /// <summary>True where bytes were read from the source that belong to what comes next.</summary>
        public bool HasStaged => _stageAt < _stageEnd;

        /// <summary>Reads one command or one whole message; false for a command, which the sink has then got.</summary>
        public bool Read(Message message)
        {
            message.Clear();
            bool isMessage = false;
            while (true)
            {
                int flags = ReadByte();
                if ((flags & ~(More | Long | Command)) != 0) throw new LinkException("0x" + flags.ToString("X2") + " are no flags of a ZMTP frame");
                long length = ReadLength((flags & Long) != 0);
                bool isCommand = (flags & Command) != 0;
                if (isCommand) ReadCommand(length);
                else ReadPart(message, length);
                isMessage |= !isCommand;
                if (!isMessage) return false;
                if (!isCommand && (flags & More) == 0) return true; // a heartbeat may come between two parts
            }
        }

        public void ReadExactly(byte[] bytes, int count)
        {
            int done = Math.Min(count, _stageEnd - _stageAt);
            Buffer.BlockCopy(_stage, _stageAt, bytes, 0, done);
            _stageAt += done;
            while (done < count)
            {
                if (count - done >= _stage.Length) done += _source(bytes, done, count - done);
                else done += ReadStaged(bytes, done, count - done);
            }
        }

        private int ReadStaged(byte[] bytes, int offset, int count)
        {
            Fill();
            int taken = Math.Min(count, _stageEnd - _stageAt);
            Buffer.BlockCopy(_stage, _stageAt, bytes, offset, taken);
            _stageAt += taken;
            return taken;
        }

        private void Fill()
        {
            if (HasStaged) return;
            _stageAt = 0;
            _stageEnd = 0;
            _stageEnd = _source(_stage, 0, _stage.Length);
        }

        private int ReadByte()
        {
            while (!HasStaged) Fill();
            return _stage[_stageAt++];
        }

        private long ReadLength(bool isLong)
        {
            if (!isLong) return ReadByte();
            ulong length = 0;
            for (int i = 0; i < 8; i++) length = length << 8 | (uint)ReadByte();
            if (length > (ulong)_maxPartBytes)
                throw new LinkException("a part of " + length + " bytes came; at most " + _maxPartBytes + " are taken");
            return (long)length;
        }

        private void ReadCommand(long length)
        {
            if (length > _small.Length) throw new LinkException("a ZMTP command of " + length + " bytes came; at most " + _small.Length + " are taken");
            ReadExactly(_small, (int)length);
            _onCommand(_small, (int)length);
        }

        private void ReadPart(Message message, long length)
        {
            if (message.Count == MaxParts) throw new LinkException("a message of more than " + MaxParts + " parts came");
            byte[] bytes = message.Add(length);
            if (bytes != null) ReadExactly(bytes, (int)length);
            else Drop(length);
        }

        private void Drop(long length)
        {
            while (length > 0)
            {
                while (!HasStaged) Fill();
                int dropped = (int)Math.Min(length, _stageEnd - _stageAt);
                _stageAt += dropped;
                length -= dropped;
            }
        }
    }
}
