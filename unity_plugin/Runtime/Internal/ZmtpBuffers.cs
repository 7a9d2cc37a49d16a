namespace Omote
{
    /// <summary>What connections read and write through, one after the other: to try again for hours allocates next to nothing.</summary>
    internal sealed class ZmtpBuffers
    {
        private const int MostCommandBytes = 1024;
        private const int StageBytes = 65536;

        public readonly byte[] Stage = new byte[StageBytes];
        public readonly byte[] Command = new byte[MostCommandBytes];
        public readonly byte[] Out = new byte[9 + Message.MaxControlBytes];
    }
}
