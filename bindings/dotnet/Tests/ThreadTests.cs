// What other threads do to a read that waits.
using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;

namespace Walstream.Tests
{
    internal static class ThreadTests
    {
        public static void DisposingEndsAReadThatWaits()
        {
            using (var live = new Live())
                for (int i = 0; i < 20; i++)
                {
                    var stream = live.Open();
                    var read = Task.Run(() => stream.ReadEvent());
                    // Before, at and after the beginning of the wait.
                    Thread.Sleep(i % 5);
                    stream.Dispose();
                    Ends<ObjectDisposedException>(read);
                    Check.Throws<ObjectDisposedException>(() => stream.ReadEvent());
                    Check.Throws<ObjectDisposedException>(() => stream.Stats.ToString());
                    Check.Throws<ObjectDisposedException>(() => stream.Acknowledge(Lsn.Zero));
                    stream.Dispose();
                }
        }

        public static void DisposingLeavesTheLastEventAlone()
        {
            using (var live = new Live("CREATE TABLE a (name text)"))
            {
                live.Sql.Run("INSERT INTO a VALUES ('still here')");
                Row row = ReadRowAndDispose(live);
                GC.Collect();
                GC.WaitForPendingFinalizers();
                Check.Equal("still here", row.GetString(0));
            }
        }

        public static void CancellingEndsAReadThatWaits()
        {
            using (var live = new Live())
            using (var stream = live.Open())
            {
                for (int i = 0; i < 20; i++)
                    using (var source = new CancellationTokenSource())
                    {
                        var read = Task.Run(() => stream.ReadEvent(source.Token));
                        Thread.Sleep(i % 5);
                        var time = Stopwatch.StartNew();
                        source.Cancel();
                        Ends<OperationCanceledException>(read);
                        Check.That(time.ElapsedMilliseconds < 10000, "it ended at once, after " + time.ElapsedMilliseconds + " ms");
                    }
                // A wake that is left over ends no later read.
                live.Sql.Run("SELECT pg_logical_emit_message(false, 'a', 'b')");
                Check.Equal(EventKind.Message, stream.ReadEvent().Kind);
                using (var source = new CancellationTokenSource())
                {
                    source.Cancel();
                    Check.Throws<OperationCanceledException>(() => stream.ReadEvent(source.Token));
                }
            }
        }

        public static void StoppingEndsAReadThatWaits()
        {
            using (var live = new Live())
                for (int i = 0; i < 10; i++)
                    using (var stream = live.Open())
                    {
                        var read = Task.Run(() => stream.ReadEvent());
                        Thread.Sleep(i % 5);
                        Check.That(stream.Stop(), "it stopped in time");
                        Check.That(read.Wait(Check.Patience), "the read ended");
                        Check.Equal(null, read.Result);
                        Check.Equal(null, stream.ReadEvent());
                        Check.Equal(null, stream.ReadBatch());
                        Check.That(stream.Stop(), "stopping again is fine");
                        Check.Equal(ErrorCode.State, Check.Throws<WalStreamException>(() => stream.Acknowledge(new Lsn(1))).Code);
                    }
        }

        public static void StoppingDropsWhatWasNotRead()
        {
            using (var live = new Live("CREATE TABLE a (id int)"))
            {
                live.Sql.Run("INSERT INTO a SELECT generate_series(1, 100)");
                using (var stream = live.Open())
                {
                    var last = stream.ReadEvent();
                    stream.Stop();
                    Check.Equal(EventKind.Begin, last.Kind);
                    Check.Equal(null, stream.ReadEvent());
                }
            }
        }

        public static void ASecondReaderIsTurnedAway()
        {
            using (var live = new Live())
            using (var stream = live.Open())
            {
                var read = Task.Run(() => stream.ReadEvent());
                WalStreamException failure = null;
                Check.Eventually(delegate
                {
                    ChangeEvent change;
                    try
                    {
                        stream.TryReadEvent(TimeSpan.Zero, out change);
                    }
                    catch (WalStreamException busy)
                    {
                        failure = busy;
                    }
                    return failure != null;
                }, "the first one waits");
                Check.Equal(ErrorCode.Busy, failure.Code);
                live.Sql.Run("SELECT pg_logical_emit_message(false, 'a', 'b')");
                Check.That(read.Wait(Check.Patience) && read.Result.Kind == EventKind.Message, "the first one is not disturbed");
            }
        }

        public static void OpeningCanBeCancelled()
        {
            using (var source = new CancellationTokenSource(50))
            {
                // 192.0.2.0/24 belongs to nobody: the connection is neither made nor refused, or fails at once.
                var options = new WalStreamOptions { Slot = "s", Publication = "p", ["retry.first"] = "on" };
                Check.Throws<OperationCanceledException>(() => WalStream.Open("host=192.0.2.1", options, source.Token));
            }
        }

        public static void ForgottenStreamsAreGivenBackByTheCollector()
        {
            using (var live = new Live())
            {
                Forget(live);
                Check.Eventually(delegate
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    return live.Sql.Run("SELECT active FROM pg_replication_slots WHERE slot_name = '" + live.Slot + "'") == "f";
                }, "nobody holds the slot");
            }
        }

        // On a thread that is gone by then: this one's stack may hold on to what was on it.
        private static void Forget(Live live)
        {
            var thread = new Thread(() => live.Open().Stats.ToString());
            thread.Start();
            thread.Join();
        }

        private static Row ReadRowAndDispose(Live live)
        {
            using (var stream = live.Open())
                while (true)
                {
                    var change = stream.ReadEvent();
                    if (change.Kind == EventKind.Insert) return change.NewRow;
                }
        }

        private static void Ends<T>(Task task) where T : Exception
        {
            try
            {
                Check.That(task.Wait(Check.Patience), "the read ended");
            }
            catch (AggregateException failure)
            {
                Check.That(failure.InnerException is T, "the read ended by " + typeof(T).Name + ", not by " + failure.InnerException);
                return;
            }
            throw new CheckFailed("the read ended without " + typeof(T).Name);
        }
    }
}
