// WalStream.Check, the preflight (the class Check is what the tests check with).
using System;
using System.Collections.Generic;
using System.Linq;

namespace Walstream.Tests
{
    internal static class CheckTests
    {
        public static void AHealthySetupHasNoErrors()
        {
            using (var live = new Live("CREATE TABLE a (id int PRIMARY KEY)"))
            {
                string before = live.Sql.Run("SELECT count(*) FROM pg_replication_slots");
                Check.Equal(0, WalStream.Check(live.Conninfo, live.Options).Count(found => found.Severity == Severity.Error));
                var other = live.Options;
                other.Slot = live.Slot + "_other";
                other.CreateSlot = "if-missing";
                Check.That(WalStream.Check(live.Conninfo, other).All(found => found.Code != "slot-missing"), "the slot would be made");
                Check.Equal(before, live.Sql.Run("SELECT count(*) FROM pg_replication_slots"), "slots");
            }
        }

        public static void FindingsSayWhatToDo()
        {
            // Text beyond ASCII comes through.
            using (var live = new Live("CREATE TABLE \"Zähler\" (id int)"))
            {
                var options = live.Options;
                options.Slot = "not_there";
                var findings = WalStream.Check(live.Conninfo, options);
                var missing = Only(findings, "slot-missing");
                Check.Equal(Severity.Error, missing.Severity);
                Check.Equal("not_there", missing.Object);
                Check.That(missing.Message.Contains("not_there") && missing.Remedy.Length > 0, missing.ToString());
                Check.Equal("Error: slot-missing: " + missing.Message + "; " + missing.Remedy, missing.ToString());
                var identity = Only(findings, "replica-identity");
                Check.Equal(Severity.Warning, identity.Severity);
                Check.That(identity.Object.Contains("Zähler"), identity.Object);
                for (int i = 1; i < findings.Count; i++)
                    Check.That(findings[i - 1].Severity >= findings[i].Severity, "the worst come first");
            }
        }

        public static void ManyChecksLeaveNoConnection()
        {
            using (var live = new Live())
            {
                var options = new WalStreamOptions { Slot = "not_there", Publication = "neither" };
                for (int i = 0; i < 20; i++)
                    foreach (string code in new[] { "slot-missing", "publication-missing" }) Only(WalStream.Check(live.Conninfo, options), code);
                string senders = "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = '" + live.Slot + "'";
                Check.Eventually(() => live.Sql.Run(senders) == "0", "no connection stays behind");
            }
        }

        public static void NobodyThereIsAnErrorOfTheCall()
        {
            var failure = Check.Throws<WalStreamException>(() => WalStream.Check("host=/nowhere port=1", new WalStreamOptions()));
            Check.Equal(ErrorCode.Connect, failure.Code);
            failure = Check.Throws<WalStreamException>(() => WalStream.Check("", new WalStreamOptions { ["slto"] = "x" }));
            Check.Equal(ErrorCode.Argument, failure.Code);
        }

        public static void WrongArgumentsAreRefused()
        {
            Check.Throws<ArgumentNullException>(() => WalStream.Check(null, new WalStreamOptions()));
            Check.Throws<ArgumentNullException>(() => WalStream.Check("", null));
            Check.Throws<ArgumentException>(() => WalStream.Check("host=a\0b", new WalStreamOptions()));
            Check.Throws<ArgumentException>(() => WalStream.Check("", new WalStreamOptions { Slot = "a\0b" }));
        }

        private static Finding Only(IEnumerable<Finding> findings, string code)
        {
            var all = findings.Where(found => found.Code == code).ToList();
            Check.Equal(1, all.Count, code);
            return all[0];
        }
    }
}
