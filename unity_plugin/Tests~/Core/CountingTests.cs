using NUnit.Framework;

namespace Omote.Tests
{
    /// <summary>Gaps, ages, rates and clocks: what a receiver says of itself.</summary>
    public class CountingTests
    {
        private const long Ms = 1000000;
        private const long S = 1000 * Ms;

        [Test]
        public void JumpInTheSequenceIsCounted()
        {
            SequenceGaps gaps = new SequenceGaps(2);
            gaps.Add(1, 0, 100);
            gaps.Add(1, 0, 101);
            gaps.Add(1, 0, 105);
            gaps.Add(1, 1, 7);
            Assert.AreEqual(3, gaps.Missed, "what was before we came, and another topic, are no gaps");
        }

        [Test]
        public void AnotherSessionCountsFromItsOwnBeginning()
        {
            SequenceGaps gaps = new SequenceGaps(1);
            gaps.Add(1, 0, 100);
            gaps.Add(2, 0, 0);
            gaps.Add(2, 0, 1);
            Assert.AreEqual(0, gaps.Missed);
            Assert.AreEqual(2, gaps.Sessions);
        }

        [Test]
        public void NoNumberOverflowsTheCount()
        {
            SequenceGaps gaps = new SequenceGaps(1);
            gaps.Add(1, 0, 0);
            gaps.Add(1, 0, ulong.MaxValue);
            gaps.Add(1, 0, 0);
            gaps.Add(1, 0, ulong.MaxValue - 1);
            Assert.AreEqual(long.MaxValue, gaps.Missed);
        }

        [Test]
        public void PercentilesAndRateAreOfTheLastPictures()
        {
            AgeWindow ages = new AgeWindow();
            for (int i = 0; i < 1000; i++) ages.Add(i * 10 * Ms, i < 744 ? 99 * S : (i - 743) * Ms);
            ages.Percentiles(out long p50, out long p99);
            Assert.AreEqual(128 * Ms, p50);
            Assert.AreEqual(253 * Ms, p99);
            Assert.That(ages.Rate(9990 * Ms), Is.EqualTo(100).Within(1e-3));
            Assert.AreEqual(0, ages.Rate(20 * S), "nothing came in the last two seconds");
        }

        [Test]
        public void NothingIsKnownWhereNothingCame()
        {
            AgeWindow ages = new AgeWindow();
            ages.Percentiles(out long p50, out long p99);
            Assert.AreEqual(new long[] { 0, 0 }, new[] { p50, p99 });
            Assert.AreEqual(0, ages.Rate(0));
        }

        [Test]
        public void ShortestExchangeDecidesTheClock()
        {
            ClockMeasurement measurement = new ClockMeasurement();
            measurement.Begin();
            for (int i = 0; i < 8; i++)
            {
                Assert.That(!measurement.IsDone);
                long round = i == 5 ? 10 : 1000;
                measurement.Add(7, 1000, (ulong)(1000 + round / 2 + 300 + (i == 5 ? 0 : 90)), 1000 + round);
            }
            Assert.That(measurement.IsDone);
            Assert.AreEqual(300, measurement.Best.OffsetNs);
            Assert.AreEqual(5, measurement.Best.UncertaintyNs);
            Assert.AreEqual(7, measurement.Best.Session);
        }

        [Test]
        public void ExchangesOfAnotherSessionDoNotCount()
        {
            ClockMeasurement measurement = new ClockMeasurement();
            measurement.Begin();
            for (int i = 0; i < 7; i++) measurement.Add(7, 0, 0, 2);
            measurement.Add(8, 0, 1000, 20);
            Assert.That(!measurement.IsDone);
            Assert.AreEqual(8, measurement.Best.Session);
        }

        [Test]
        public void StateFollowsWhatCameLast()
        {
            Reception reception = new Reception(true, Kinds.Video);
            Assert.AreEqual(ReceiverState.Connecting, reception.Read(0, true, true, "").State);
            reception.Add(Kinds.Hello, 3, new Header(), 1 * S, null);
            Assert.AreEqual(ReceiverState.Connecting, reception.Read(1 * S, true, true, "").State, "hello is no picture");
            reception.Add(Kinds.Video, 0, new Header(), 1 * S, null);
            Assert.AreEqual(ReceiverState.Live, reception.Read(1 * S + 500 * Ms, true, true, "").State);
            Assert.AreEqual(ReceiverState.Stale, reception.Read(1 * S + 501 * Ms, true, true, "").State);
            reception.Add(Kinds.Schema, 2, new Header { Sequence = 1 }, 2 * S, null);
            Assert.AreEqual(ReceiverState.Stale, reception.Read(2 * S, true, true, "").State, "nor is a schema");
            reception.Add(Kinds.Params, 1, new Header(), 2 * S, null);
            Assert.AreEqual(ReceiverState.Live, reception.Read(2 * S, true, true, "").State);
            Assert.AreEqual(ReceiverState.Disconnected, reception.Read(2 * S, false, false, "").State);
        }

        [Test]
        public void AgeOfAnotherMachineIsKnownOnlyByItsClock()
        {
            Reception reception = new Reception(false, Kinds.Video);
            Header header = new Header { Session = 7, SentNs = 1000 * (ulong)S, CapturedNs = 1000 * (ulong)S - 20 * (ulong)Ms };
            reception.Add(Kinds.Video, 0, header, 5 * S, null);
            Assert.That(!reception.Read(5 * S, true, true, "").IsAgeKnown);
            reception.Add(Kinds.Video, 0, header, 5 * S, new ClockReading(8, 1, 1));
            Assert.That(!reception.Read(5 * S, true, true, "").IsAgeKnown, "of another session");
            reception.Add(Kinds.Video, 0, header, 5 * S, new ClockReading(7, 995 * S + 3 * Ms, 1));
            Statistics statistics = reception.Read(5 * S, true, true, "");
            Assert.That(statistics.IsAgeKnown);
            Assert.That(statistics.AgeP50Ms, Is.EqualTo(23).Within(1e-4), "since captured");
            Assert.That(statistics.TransitP50Ms, Is.EqualTo(3).Within(1e-4), "since sent");
        }

        [Test]
        public void ClockIsMonotonic()
        {
            long before = Clock.NowNs();
            for (int i = 0; i < 1000; i++)
            {
                long now = Clock.NowNs();
                Assert.That(now, Is.GreaterThanOrEqualTo(before));
                before = now;
            }
        }
    }
}
