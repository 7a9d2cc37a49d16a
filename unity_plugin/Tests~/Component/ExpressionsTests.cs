using System.Collections.Generic;
using NUnit.Framework;

namespace Omote.Tests
{
    [TestFixture]
    public class ExpressionsTests
    {
        private readonly List<string> _told = new List<string>();
        private Expressions _expressions;

        [SetUp]
        public void Begin()
        {
            _told.Clear();
            _expressions = new Expressions();
        }

        private void Follow(params string[] names)
        {
            _expressions.Follow(names, name => _told.Add("+" + name), name => _told.Add("-" + name));
        }

        [Test]
        public void WhatIsInTheLaterListAloneHasBegun()
        {
            Follow("blink", "smile");
            Follow("smile", "tongue", "puff");
            Assert.AreEqual(new[] { "+blink", "+smile", "-blink", "+tongue", "+puff" }, _told.ToArray());
            Assert.AreEqual(new[] { "smile", "tongue", "puff" }, _expressions.Now);
        }

        [Test]
        public void AnotherOrderIsNoChange()
        {
            Follow("blink", "smile");
            _told.Clear();
            Follow("smile", "blink");
            Assert.AreEqual(0, _told.Count);
        }

        [Test]
        public void WhenNothingComesAnyMoreAllHasEndedOnce()
        {
            Follow("blink", "smile");
            _told.Clear();
            _expressions.Rest(name => _told.Add("-" + name));
            _expressions.Rest(name => _told.Add("-" + name));
            Assert.AreEqual(new[] { "-blink", "-smile" }, _told.ToArray());
        }

        [Test]
        public void WhatIsSwitchedOffByAnEndBeginsNothing()
        {
            Follow("blink");
            string[] later = { "smile" };
            _expressions.Follow(later, name => _told.Add("+" + name), name => _expressions.Rest(each => { }));
            Assert.AreEqual(new[] { "+blink" }, _told.ToArray());
            Assert.AreEqual(0, _expressions.Now.Count);
        }
    }
}
