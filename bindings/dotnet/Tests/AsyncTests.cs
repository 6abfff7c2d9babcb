using System;
using System.Threading;
using System.Threading.Tasks;

namespace Walstream.Tests
{
    internal static class AsyncTests
    {
        public static void EventsAreAwaited()
        {
            using (var live = new Live("CREATE TABLE a (id int)"))
            {
                var sum = Sum(live);
                Check.That(!sum.IsCompleted, "it waits");
                live.Sql.Run("INSERT INTO a SELECT generate_series(1, 1000)", "SELECT pg_logical_emit_message(false, 'done', '')");
                Check.That(sum.Wait(Check.Patience), "it ended");
                Check.Equal(500500L, sum.Result);
            }
        }

        public static void BatchesAreAwaitedUntilTheEnd()
        {
            using (var live = new Live("CREATE TABLE a (id int)"))
            {
                live.Sql.Run("INSERT INTO a VALUES (1)");
                using (var stream = live.OpenUntilNow())
                {
                    int events = 0;
                    while (true)
                    {
                        var read = stream.ReadBatchAsync();
                        Check.That(read.Wait(Check.Patience), "it ended");
                        if (read.Result == null) break;
                        events += read.Result.Count;
                        read.Result.Dispose();
                    }
                    Check.Equal(4, events);
                }
            }
        }

        public static void WhatIsReadyNeedsNoThread()
        {
            using (var live = new Live("CREATE TABLE a (id int)"))
            {
                live.Sql.Run("INSERT INTO a SELECT generate_series(1, 10)");
                using (var stream = live.Open())
                {
                    Check.Eventually(() => stream.Stats.Events >= 13, "the whole transaction is there");
                    stream.ReadEvent();
                    Check.That(stream.ReadEventAsync().IsCompleted, "the next one of the batch is there at once");
                }
            }
        }

        public static void AWaitIsCancelled()
        {
            using (var live = new Live())
            using (var stream = live.Open())
            using (var source = new CancellationTokenSource())
            {
                var read = stream.ReadEventAsync(source.Token);
                source.Cancel();
                Check.Eventually(() => read.IsCompleted, "it ended");
                Check.Equal(TaskStatus.Canceled, read.Status);
                Check.Equal(TaskStatus.Canceled, stream.ReadEventAsync(source.Token).Status);
                Check.That(stream.StopAsync(Check.Patience).Result, "it stopped");
                Check.Equal(null, stream.ReadEventAsync().Result);
            }
        }

        public static void DisposingEndsAnAwaitedRead()
        {
            using (var live = new Live())
            {
                var stream = WalStream.OpenAsync(live.Conninfo, live.Options).Result;
                var read = stream.ReadEventAsync();
                stream.Dispose();
                var failure = Check.Throws<AggregateException>(() => read.Wait(Check.Patience));
                Check.That(failure.InnerException is ObjectDisposedException, failure.ToString());
                Check.That(stream.ReadEventAsync().IsFaulted, "a later one fails, too");
            }
        }

        private static async Task<long> Sum(Live live)
        {
            long sum = 0;
            using (var stream = await WalStream.OpenAsync(live.Conninfo, live.Options))
                while (true)
                {
                    var change = await stream.ReadEventAsync();
                    if (change.Kind == EventKind.Message) return sum;
                    if (change.Kind == EventKind.Insert) sum += change.NewRow.GetInt64("id");
                }
        }
    }
}
