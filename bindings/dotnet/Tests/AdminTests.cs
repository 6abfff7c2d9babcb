// Single questions and commands, and what other threads do to one that waits.
using System;
using System.Diagnostics;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Walstream.Native;

namespace Walstream.Tests
{
    internal static class AdminTests
    {
        // The call that waits for an open transaction, as the server sees it.
        private const string Waiting = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND wait_event_type = 'Lock' AND datname = ";

        public static void TheServerIsIdentified()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            {
                var server = admin.Identify();
                Check.Equal(live.Sql.Run("SELECT system_identifier FROM pg_control_system()"), server.SystemId.ToString());
                Check.Equal(live.Sql.Run("SHOW server_version_num"), server.ServerVersion.ToString());
                Check.Equal(live.Slot, server.Database);
                Check.Equal(1u, server.Timeline);
                Check.That(server.FlushLsn != Lsn.Zero && server.FlushLsn <= Lsn.Parse(live.Sql.Run("SELECT pg_current_wal_flush_lsn()")), "the position");
                // What was given is a copy: later calls leave it alone.
                admin.Show("wal_segment_size");
                Check.Equal(live.Slot, server.Database);
            }
        }

        public static void SettingsAreShown()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            {
                Check.Equal("logical", admin.Show("wal_level"));
                var failure = Check.Throws<WalStreamException>(() => admin.Show("no such setting"));
                Check.Equal(ErrorCode.Argument, failure.Code);
                Check.That(failure.Message.Contains("no such setting") && failure.Hint.Length > 0, failure.ToString());
                Check.Equal("logical", admin.Show("wal_level"), "afterwards");
            }
        }

        public static void TheFirstTimelineHasNoHistory()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            {
                var history = admin.TimelineHistory(1);
                Check.Equal(1u, history.Timeline);
                Check.Equal("00000001.history", history.FileName);
                Check.Equal(0, history.Switches.Count);
                Check.Equal(0, history.GetContent().Length);
                Check.Equal(ErrorCode.Server, Check.Throws<WalStreamException>(() => admin.TimelineHistory(7)).Code);
            }
        }

        // As the library lays one out: the server of these tests has only one timeline.
        public static unsafe void AHistoryIsCopied()
        {
            var name = Encoding.UTF8.GetBytes("00000003.history\0");
            var text = Encoding.UTF8.GetBytes("1\t0/3000000\tno reason\0");
            var switches = new[]
            {
                new NativeTimelineDetail { SwitchLsn = 0x3000000, Timeline = 2, OldTimeline = 1 },
                new NativeTimelineDetail { SwitchLsn = 0x5000000, Timeline = 3, OldTimeline = 2 },
            };
            TimelineHistory history;
            fixed (byte* file = name, content = text)
            fixed (NativeTimelineDetail* first = switches)
                history = new TimelineHistory(new NativeHistory
                {
                    Timeline = 3, FileName = file, Content = content, ContentLen = (ulong)text.Length - 1, Switches = first, SwitchCount = 2,
                });
            Array.Clear(text, 0, text.Length);
            Check.Equal("00000003.history", history.FileName);
            Check.Equal("1\t0/3000000\tno reason", Encoding.UTF8.GetString(history.GetContent()));
            Check.Equal(2, history.Switches.Count);
            Check.Equal(new Lsn(0x5000000), history.Switches[1].SwitchLsn);
            Check.Equal(3u, history.Switches[1].Timeline);
            Check.Equal(2u, history.Switches[1].OldTimeline);
        }

        public static void ALogicalSlotComesAndGoes()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            {
                string name = live.Slot + "_l";
                var made = admin.CreateSlot(name);
                Check.Equal(null, made.Snapshot);
                var slot = admin.ReadSlot(name);
                Check.Equal(made.ConsistentLsn, slot.ConfirmedFlushLsn);
                Check.That(slot.RestartLsn != Lsn.Zero && slot.RestartLsn <= slot.ConfirmedFlushLsn, "it holds log back");
                Check.That(slot.CatalogXmin != 0 && slot.Xmin == 0, "and rows of catalogs");
                Check.That(!slot.IsPhysical && !slot.IsTemporary && !slot.IsTwoPhase && !slot.IsFailover && !slot.IsActive && !slot.IsSynced
                    && !slot.IsConflicting, "a plain one");
                Check.Equal("pgoutput", slot.Plugin);
                Check.Equal(live.Slot, slot.Database);
                Check.Equal("reserved", slot.WalStatus);
                Check.Equal("", slot.InvalidationReason);
                Check.Equal(0, slot.ActivePid);
                Check.Equal(-1L, slot.SafeWalSize);
                var failure = Check.Throws<WalStreamException>(() => admin.CreateSlot(name));
                Check.Equal("42710", failure.SqlState);
                admin.DropSlot(name);
                Check.Equal(ErrorCode.SlotMissing, Check.Throws<WalStreamException>(() => admin.ReadSlot(name)).Code);
                Check.Equal(ErrorCode.SlotMissing, Check.Throws<WalStreamException>(() => admin.DropSlot(name)).Code);
            }
        }

        public static void ARequestIsHeeded()
        {
            using (var live = new Live())
            {
                string name = live.Slot + "_r";
                using (var admin = WalStreamAdmin.Open(live.Conninfo))
                {
                    admin.CreateSlot(name, new SlotRequest { Physical = true, ReserveWal = true });
                    var physical = admin.ReadSlot(name);
                    Check.That(physical.IsPhysical && physical.RestartLsn != Lsn.Zero, "it holds log back");
                    Check.Equal("", physical.Plugin);
                    if (admin.Identify().ServerVersion >= 150000) Check.Equal(1u, physical.RestartTimeline);
                    admin.DropSlot(name);
                    admin.CreateSlot(name, new SlotRequest { TwoPhase = true });
                    Check.That(admin.ReadSlot(name).IsTwoPhase, "two-phase");
                    admin.DropSlot(name);
                    var failure = Check.Throws<WalStreamException>(() => admin.CreateSlot(name, new SlotRequest { Plugin = "no_such_plugin" }));
                    Check.Equal(ErrorCode.Server, failure.Code);
                    Check.That(failure.Message.Contains("no_such_plugin"), failure.Message);
                    Check.Equal(ErrorCode.Argument, Check.Throws<WalStreamException>(
                        () => admin.CreateSlot(name, new SlotRequest { Physical = true, Snapshot = SnapshotWish.Export })).Code);
                    admin.CreateSlot(name, new SlotRequest { Temporary = true });
                    var temporary = admin.ReadSlot(name);
                    Check.That(temporary.IsTemporary && temporary.IsActive && temporary.ActivePid != 0, "temporary");
                }
                Check.Eventually(() => Slots(live, name) == "0", "it ended with its connection");
            }
        }

        public static void ASlotIsAltered()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            {
                int version = admin.Identify().ServerVersion;
                if (version >= 170000)
                {
                    admin.AlterSlot(live.Slot, failover: true);
                    Check.That(admin.ReadSlot(live.Slot).IsFailover, "it is on");
                    admin.AlterSlot(live.Slot, failover: false);
                    Check.That(!admin.ReadSlot(live.Slot).IsFailover, "it is off");
                }
                else Check.Equal(ErrorCode.Unsupported, Check.Throws<WalStreamException>(() => admin.AlterSlot(live.Slot, failover: true)).Code);
                if (version >= 180000)
                {
                    admin.AlterSlot(live.Slot, twoPhase: true);
                    Check.That(admin.ReadSlot(live.Slot).IsTwoPhase, "it is on");
                }
                else Check.Equal(ErrorCode.Unsupported, Check.Throws<WalStreamException>(() => admin.AlterSlot(live.Slot, twoPhase: true)).Code);
            }
        }

        public static void ASnapshotLivesAsLongAsItIsHeld()
        {
            using (var live = new Live("CREATE TABLE a (id int PRIMARY KEY)", "INSERT INTO a VALUES (1)"))
                foreach (var wish in new[] { SnapshotWish.Export, SnapshotWish.Use })
                {
                    CreatedSlot made;
                    using (var admin = WalStreamAdmin.Open(live.Conninfo))
                    {
                        made = admin.CreateSlot(live.Slot + "_s", new SlotRequest { Snapshot = wish });
                        // On a connection of its own by now.
                        Check.Equal("logical", admin.Show("wal_level"));
                    }
                    live.Sql.Run("INSERT INTO a VALUES (2)");
                    string import = "SET TRANSACTION SNAPSHOT '" + made.Snapshot.Name + "'";
                    Check.Equal(made.ConsistentLsn, made.Snapshot.Lsn);
                    using (var other = new Sql(live.Conninfo))
                    {
                        Check.Equal("1", other.Run("BEGIN ISOLATION LEVEL REPEATABLE READ", import, "SELECT count(*) FROM a"));
                        made.Snapshot.Dispose();
                        made.Snapshot.Dispose();
                        Check.Equal("1", other.Run("SELECT count(*) FROM a"), "whoever imported it keeps it");
                    }
                    Check.Eventually(delegate
                    {
                        using (var late = new Sql(live.Conninfo))
                            try
                            {
                                late.Run("BEGIN ISOLATION LEVEL REPEATABLE READ", import);
                                return false;
                            }
                            catch (CheckFailed)
                            {
                                return true;
                            }
                    }, "the snapshot is gone");
                    live.Sql.Run("DELETE FROM a WHERE id = 2", "SELECT pg_drop_replication_slot('" + live.Slot + "_s')");
                }
        }

        public static void DroppingWaitsForTheReader()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            using (var stream = live.Open())
            {
                Check.Equal(ErrorCode.SlotInUse, Check.Throws<WalStreamException>(() => admin.DropSlot(live.Slot)).Code);
                Check.Throws<TimeoutException>(() => admin.DropSlot(live.Slot, true, TimeSpan.FromMilliseconds(100)));
                Check.That(admin.ReadSlot(live.Slot).IsActive, "nothing was dropped");
                var drop = Task.Run(() => admin.DropSlot(live.Slot, true));
                Check.That(!drop.Wait(100), "it waits");
                stream.Stop();
                Check.That(drop.Wait(Check.Patience), "it ended");
                Check.Equal("0", Slots(live, live.Slot));
            }
        }

        public static void WhatTakesTooLongIsGivenUp()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            using (Blocked(live))
            {
                Check.Throws<TimeoutException>(() => admin.CreateSlot(live.Slot + "_t", null, TimeSpan.FromMilliseconds(200)));
                Check.Throws<ArgumentOutOfRangeException>(() => admin.CreateSlot(live.Slot + "_t", null, TimeSpan.FromSeconds(-5)));
                Check.Equal("0", Slots(live, live.Slot + "_t"));
                Check.Equal("logical", admin.Show("wal_level"));
            }
        }

        public static void CancellingEndsACall()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            using (Blocked(live))
                for (int i = 0; i < 5; i++)
                {
                    var create = Task.Run(() => admin.CreateSlot(live.Slot + "_c"));
                    // Also before the call has begun: then it is the next one.
                    if (i > 0) Await(live);
                    admin.Cancel();
                    Ends<OperationCanceledException>(create);
                    Check.Equal("0", Slots(live, live.Slot + "_c"));
                    Check.Equal("logical", admin.Show("wal_level"));
                }
        }

        public static void ATokenEndsItsCallOnly()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            {
                using (Blocked(live))
                    for (int i = 0; i < 5; i++)
                        using (var source = new CancellationTokenSource())
                        {
                            var create = Task.Run(() => admin.CreateSlot(live.Slot + "_k", null, null, source.Token));
                            Thread.Sleep(i * 2);
                            source.Cancel();
                            Ends<OperationCanceledException>(create);
                            Check.Throws<OperationCanceledException>(() => admin.DropSlot(live.Slot, false, null, source.Token));
                            Check.That(!admin.ReadSlot(live.Slot).IsActive, "a token that came too late ends no other call");
                        }
                admin.CreateSlot(live.Slot + "_k");
                admin.DropSlot(live.Slot + "_k");
            }
        }

        // A temporary slot ends with its connection, and with the first error there: neither has been.
        public static void ACancelledTokenTouchesNothing()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            {
                string name = live.Slot + "_t";
                admin.CreateSlot(name, new SlotRequest { Temporary = true });
                var cancelled = new CancellationToken(true);
                for (int i = 0; i < 10; i++)
                {
                    Check.Throws<OperationCanceledException>(() => admin.DropSlot(name, true, null, cancelled));
                    Check.That(admin.ReadSlot(name).IsTemporary, "it is still there");
                }
                for (int i = 0; i < 10; i++)
                {
                    Check.Throws<OperationCanceledException>(() => admin.DropSlot(name, true, null, cancelled));
                    var missing = Check.Throws<WalStreamException>(() => admin.DropSlot(name + "_none"));
                    Check.Equal(ErrorCode.SlotMissing, missing.Code);
                }
            }
        }

        public static void DisposingEndsACall()
        {
            using (var live = new Live())
            using (Blocked(live))
                for (int i = 0; i < 10; i++)
                {
                    var admin = WalStreamAdmin.Open(live.Conninfo);
                    var create = Task.Run(() => admin.CreateSlot(live.Slot + "_d"));
                    // Before, at and after the beginning of the wait.
                    if (i > 5) Await(live);
                    else Thread.Sleep(i);
                    var time = Stopwatch.StartNew();
                    admin.Dispose();
                    Ends<ObjectDisposedException>(create);
                    Check.That(time.ElapsedMilliseconds < 10000, "it ended at once, after " + time.ElapsedMilliseconds + " ms");
                    Check.Throws<ObjectDisposedException>(() => admin.Identify());
                    Check.Throws<ObjectDisposedException>(() => admin.Show("wal_level"));
                    Check.Throws<ObjectDisposedException>(() => admin.TimelineHistory(1));
                    Check.Throws<ObjectDisposedException>(() => admin.CreateSlot("a"));
                    Check.Throws<ObjectDisposedException>(() => admin.AlterSlot("a", true));
                    Check.Throws<ObjectDisposedException>(() => admin.ReadSlot("a"));
                    Check.Throws<ObjectDisposedException>(() => admin.DropSlot("a"));
                    Check.Throws<ObjectDisposedException>(() => admin.Cancel());
                    admin.Dispose();
                    Check.Eventually(() => Senders(live) == "0", "its connection is closed");
                    Check.Equal("0", Slots(live, live.Slot + "_d"));
                }
        }

        public static void ASecondCallIsTurnedAway()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            using (Blocked(live))
            {
                var create = Task.Run(() => admin.CreateSlot(live.Slot + "_b"));
                Await(live);
                var failure = Check.Throws<WalStreamException>(() => admin.Identify());
                Check.Equal(ErrorCode.Busy, failure.Code);
                Check.That(failure.Hint.Length > 0, "there is a hint");
                Check.That(!create.IsCompleted, "the first one is not disturbed");
                admin.Cancel();
                Ends<OperationCanceledException>(create);
            }
        }

        public static void ALostConnectionIsMadeAnew()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            {
                live.Sql.Run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = '" + live.Slot + "'");
                Check.Eventually(() => Senders(live) == "0", "it is lost");
                Check.Equal("logical", admin.Show("wal_level"));
            }
        }

        public static void ForgottenOnesAreGivenBackByTheCollector()
        {
            using (var live = new Live())
            {
                var thread = new Thread(delegate()
                {
                    var admin = WalStreamAdmin.Open(live.Conninfo);
                    admin.CreateSlot(live.Slot + "_g", new SlotRequest { Temporary = true, Snapshot = SnapshotWish.Export });
                    admin.Show("wal_level");
                });
                thread.Start();
                thread.Join();
                Check.Eventually(delegate
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    return Senders(live) == "0" && Slots(live, live.Slot + "_g") == "0";
                }, "nobody is connected");
            }
        }

        public static void PhysicalNeedsNoDatabase()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo, new WalStreamOptions { ["mode"] = "physical" }))
            {
                Check.Equal("", admin.Identify().Database);
                Check.Equal(ErrorCode.Argument, Check.Throws<WalStreamException>(() => admin.CreateSlot("a")).Code);
            }
        }

        public static void WhatCannotBeOpenedSaysWhy()
        {
            var failure = Check.Throws<WalStreamException>(() => WalStreamAdmin.Open("host=/nowhere port=1"));
            Check.Equal(ErrorCode.Connect, failure.Code);
            failure = Check.Throws<WalStreamException>(() => WalStreamAdmin.Open("", new WalStreamOptions { ["slto"] = "x" }));
            Check.Equal(ErrorCode.Argument, failure.Code);
            Check.That(failure.Message.Contains("slto"), failure.Message);
            Check.Throws<ArgumentNullException>(() => WalStreamAdmin.Open(null));
            Check.Throws<ArgumentException>(() => WalStreamAdmin.Open("host=a\0b"));
        }

        public static void WrongNamesAreRefused()
        {
            using (var live = new Live())
            using (var admin = WalStreamAdmin.Open(live.Conninfo))
            {
                foreach (var call in new Action<string>[]
                {
                    name => admin.Show(name), name => admin.CreateSlot(name), name => admin.AlterSlot(name, true), name => admin.ReadSlot(name),
                    name => admin.DropSlot(name),
                })
                {
                    Check.Throws<ArgumentNullException>(() => call(null));
                    // Cut off at the NUL it would be another slot.
                    Check.Throws<ArgumentException>(() => call(live.Slot + "\0"));
                    Check.Equal(ErrorCode.Argument, Check.Throws<WalStreamException>(() => call("Ä b")).Code);
                }
                Check.Throws<ArgumentException>(() => admin.CreateSlot("a", new SlotRequest { Plugin = "pgoutput\0" }));
                Check.Equal("1", Slots(live, live.Slot));
            }
        }

        // A transaction that a new logical slot waits for.
        private static Sql Blocked(Live live)
        {
            var sql = new Sql(live.Conninfo);
            sql.Run("BEGIN", "SELECT pg_current_xact_id()");
            return sql;
        }

        private static void Await(Live live)
        {
            Check.Eventually(() => live.Sql.Run(Waiting + "'" + live.Slot + "'") == "1", "the call waits");
        }

        private static string Slots(Live live, string name)
        {
            return live.Sql.Run("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" + name + "'");
        }

        private static string Senders(Live live)
        {
            return live.Sql.Run("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = '" + live.Slot + "'");
        }

        private static void Ends<T>(Task task) where T : Exception
        {
            Check.Eventually(() => task.IsCompleted, "the call ended");
            if (typeof(T) == typeof(OperationCanceledException) && task.IsCanceled) return;
            Check.That(task.IsFaulted, "the call ended without " + typeof(T).Name);
            Check.That(task.Exception.InnerException is T, "the call ended by " + typeof(T).Name + ", not by " + task.Exception.InnerException);
        }
    }
}
