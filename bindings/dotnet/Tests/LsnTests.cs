using System;

namespace Walstream.Tests
{
    internal static class LsnTests
    {
        public static void IsWrittenAsPostgresWritesIt()
        {
            Check.Equal("0/0", Lsn.Zero.ToString());
            Check.Equal("16/B374D848", new Lsn(0x16B374D848).ToString());
            Check.Equal("FFFFFFFF/FFFFFFFF", new Lsn(ulong.MaxValue).ToString());
        }

        public static void IsReadInAnyCase()
        {
            Check.Equal(new Lsn(0x16B374D848), Lsn.Parse("16/b374D848"));
            Check.Equal(new Lsn(0x1000000002), Lsn.Parse("00000010/2"));
        }

        public static void WhatIsNoPositionIsRefused()
        {
            foreach (string text in new[] { "", "/", "1", "1/", "/1", "1/2/3", " 1/2", "1/2 ", "1/-2", "+1/2", "0x1/2", "123456789/0", "g/0", "1/\u0661" })
            {
                Lsn lsn;
                Check.That(!Lsn.TryParse(text, out lsn), "'" + text + "' is no position");
                Check.Throws<FormatException>(() => Lsn.Parse(text));
            }
            Lsn none;
            Check.That(!Lsn.TryParse(null, out none), "null is no position");
        }

        public static void AreInTheOrderOfTheLog()
        {
            var early = Lsn.Parse("0/FFFFFFFF");
            var late = Lsn.Parse("80000000/0");
            Check.That(early < late && late > early && early <= late && late >= early && early != late, "they compare as unsigned numbers");
            Check.That(early.CompareTo(late) < 0 && late.CompareTo((object)early) > 0 && early.CompareTo(null) > 0, "CompareTo agrees");
            Check.That(early == Lsn.Parse("0/ffffffff") && early.GetHashCode() == Lsn.Parse("0/ffffffff").GetHashCode(), "equal ones are equal");
            Check.Throws<ArgumentException>(() => early.CompareTo("0/1"));
        }
    }
}
