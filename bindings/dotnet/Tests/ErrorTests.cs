using System;

namespace Walstream.Tests
{
    internal static class ErrorTests
    {
        public static void AnUnknownOptionIsNamed()
        {
            var failure = Check.Throws<WalStreamException>(() => WalStream.Open("", new WalStreamOptions { ["slto"] = "x" }));
            Check.Equal(ErrorCode.Argument, failure.Code);
            Check.That(failure.Message.Contains("slto"), failure.Message);
        }

        public static void AMissingSlotSaysWhatToDo()
        {
            using (var live = new Live())
            {
                var options = live.Options;
                options.Slot = "not_there";
                var failure = Check.Throws<WalStreamException>(() => WalStream.Open(live.Conninfo, options));
                Check.Equal(ErrorCode.SlotMissing, failure.Code);
                Check.That(failure.Message.Contains("not_there"), failure.Message);
                Check.That(failure.Hint.Length > 0, "there is a hint");
                Check.That(failure.ToString().Contains("HINT: " + failure.Hint), "ToString tells all");
            }
        }

        public static void TheServersWordsAreKept()
        {
            using (var live = new Live())
            {
                var failure = Check.Throws<WalStreamException>(() => WalStream.Open(live.Conninfo + " dbname=wsn_nowhere", live.Options));
                Check.Equal("3D000", failure.SqlState);
                Check.That(failure.Message.Contains("wsn_nowhere"), failure.Message);
            }
        }

        public static void NobodyThereCanBeTriedAgain()
        {
            var failure = Check.Throws<WalStreamException>(() => WalStream.Open("host=/nowhere port=1", new WalStreamOptions { Slot = "s", Publication = "p" }));
            Check.Equal(ErrorCode.Connect, failure.Code);
            Check.That(failure.IsRetriable, "it may be there later");
        }

        public static void ALostSlotEndsTheStreamForGood()
        {
            using (var live = new Live())
            using (var stream = live.Open())
            {
                live.Sql.Run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '" + live.Slot + "'");
                Check.Eventually(delegate
                {
                    try
                    {
                        live.Sql.Run("SELECT pg_drop_replication_slot('" + live.Slot + "')");
                        return true;
                    }
                    catch (CheckFailed)
                    {
                        // Reconnected before we were there.
                        live.Sql.Run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '" + live.Slot + "'");
                        return false;
                    }
                }, "the slot is dropped");
                var failure = Check.Throws<WalStreamException>(() => stream.ReadEvent());
                Check.Equal(ErrorCode.SlotMissing, failure.Code);
                Check.That(failure.IsFatal, "it is over");
                Check.Equal(ErrorCode.SlotMissing, Check.Throws<WalStreamException>(() => stream.ReadEvent()).Code);
                Check.Equal(StreamState.Failed, stream.Stats.State);
            }
        }

        public static void WrongArgumentsAreRefused()
        {
            Check.Throws<ArgumentNullException>(() => WalStream.Open(null, new WalStreamOptions()));
            Check.Throws<ArgumentNullException>(() => WalStream.Open("", null));
            Check.Throws<ArgumentException>(() => WalStream.Open("host=a\0b", new WalStreamOptions { Slot = "s", Publication = "p" }));
            Check.Throws<ArgumentNullException>(() => new WalStreamOptions()[null].ToString());
        }
    }
}
