using System.IO;
using NUnit.Framework;

namespace Omote.Tests
{
    public class KeyFileTests
    {
        private const string Server = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
        private const string Public = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
        private const string Secret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
        private const string Text = "# a comment\r\nname = \"studio-pc\"\nserver=\"" + Server + "\"\n\npublic = \"" + Public + "\"\nsecret = \"" + Secret
            + "\"\nlater = \"ignored\"\n";

        [Test]
        public void KeysAreReadAndUnknownOnesIgnored()
        {
            KeyFile keys = KeyFile.Parse(Text);
            Assert.AreEqual(new[] { "studio-pc", Server, Public, Secret }, new[] { keys.Name, keys.Server, keys.Public, keys.Secret });
        }

        [Test]
        public void KeyThatIsNoZ85IsRefusedByName()
        {
            foreach (string wrong in new[] { "", "short", Public.Replace('Y', ' '), new string('#', 40) })
                Assert.That(Refusal(Text.Replace(Public, wrong)), Is.StringContaining("'public'"), wrong);
            Assert.That(Refusal(Text.Replace("server=", "sever=")), Is.StringContaining("'server'"));
        }

        [Test]
        public void SecretIsNotRepeatedInAnError()
        {
            Assert.That(Refusal(Text.Replace(Secret, Secret + "x")), Is.Not.StringContaining(Secret));
            Assert.That(Refusal(Text.Replace("\"" + Secret + "\"", Secret)), Is.Not.StringContaining(Secret));
        }

        [Test]
        public void LineWithoutAValueIsRefusedByItsNumber()
        {
            Assert.That(Refusal("name = \"x\"\nnonsense\n"), Is.StringContaining("line 2"));
        }

        [Test]
        public void FileThatIsMissingIsNamed()
        {
            OmoteException error = Assert.Throws<OmoteException>(() => KeyFile.Load("no such file"));
            Assert.That(error.Message, Is.StringContaining("no such file"));
            Assert.That(error.Message, Is.StringContaining("omote keys new"));
        }

        [Test]
        public void FileIsNamedWhereItIsMalformed()
        {
            string path = Path.GetTempFileName();
            try
            {
                File.WriteAllText(path, "name = \"x\"\n");
                Assert.That(Assert.Throws<OmoteException>(() => KeyFile.Load(path)).Message, Is.StringContaining(path));
            }
            finally
            {
                File.Delete(path);
            }
        }

        [Test]
        public void Z85IsDecodedAsItsSpecificationDoes()
        {
            Assert.AreEqual(new byte[] { 0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B }, Z85.Decode("HelloWorld"));
        }

        private static string Refusal(string text) => Assert.Throws<OmoteException>(() => KeyFile.Parse(text)).Message;
    }
}
