using System.Linq;
using System.Threading;
using NUnit.Framework;

namespace Omote.Tests
{
    public class LatestTests
    {
        private sealed class Box
        {
            public readonly int[] Values = new int[64];
        }

        [Test]
        public void NewestIsTakenOnceAndTheRestCounted()
        {
            Latest<Box> latest = new Latest<Box>(new object());
            Assert.That(!latest.TryTake(out Box taken));
            for (int i = 1; i <= 5; i++)
            {
                latest.Back.Values[0] = i;
                latest.Put();
            }
            Assert.That(latest.TryTake(out taken));
            Assert.AreEqual(5, taken.Values[0]);
            Assert.AreEqual(4, latest.Replaced);
            Assert.That(!latest.TryTake(out taken));
        }

        [Test]
        public void WhatWasTakenStaysAsItIsUntilTheNextIsTaken()
        {
            Latest<Box> latest = new Latest<Box>(new object());
            latest.Back.Values[0] = 1;
            latest.Put();
            latest.TryTake(out Box taken);
            for (int i = 2; i < 10; i++)
            {
                latest.Back.Values[0] = i;
                latest.Put();
                Assert.AreEqual(1, taken.Values[0]);
            }
        }

        [Test]
        public void NoValueIsEverTorn()
        {
            const int count = 20000;
            Latest<Box> latest = new Latest<Box>(new object());
            Thread writer = new Thread(() => Write(latest, count));
            writer.Start();
            int last = 0;
            while (last < count)
            {
                if (!latest.TryTake(out Box box)) continue;
                Assert.That(box.Values.All(value => value == box.Values[0]), "torn");
                Assert.That(box.Values[0], Is.GreaterThan(last), "out of order");
                last = box.Values[0];
            }
            writer.Join();
        }

        private static void Write(Latest<Box> latest, int count)
        {
            for (int i = 1; i <= count; i++)
            {
                int[] values = latest.Back.Values;
                for (int at = 0; at < values.Length; at++) values[at] = i;
                latest.Put();
            }
        }
    }
}
