// The library calls the handler on its own thread, which knows nothing of the runtime.
using System;
using System.Collections.Generic;
using System.Threading;

namespace Walstream.Tests
{
    internal static class LogTests
    {
        public static void TheHandlerHearsWhatHappens()
        {
            using (var live = new Live())
            {
                var lines = new List<string>();
                using (Opened(live, (level, line) => { lock (lines) lines.Add(level + " " + line); }))
                    Cut(live, () => { lock (lines) return lines.Count > 0; });
                lock (lines) Check.That(lines.TrueForAll(line => line.Length > 8 && line.IndexOf('\n') < 0), "they are lines");
            }
        }

        public static void TheCollectorMayRunBetweenLines()
        {
            using (var live = new Live())
            {
                int lines = 0;
                using (Opened(live, (level, line) => { Interlocked.Increment(ref lines); Garbage(); }))
                    for (int i = 0; i < 5; i++)
                    {
                        int before = lines;
                        Cut(live, () => Thread.VolatileRead(ref lines) > before);
                        Garbage();
                    }
                Garbage();
            }
        }

        public static void WhatItThrowsEndsNothing()
        {
            using (var live = new Live())
            {
                int lines = 0;
                using (var stream = Opened(live, delegate { Interlocked.Increment(ref lines); throw new Exception("from the log handler"); }))
                {
                    Cut(live, () => Thread.VolatileRead(ref lines) > 0);
                    live.Sql.Run("SELECT pg_logical_emit_message(false, 'a', 'b')");
                    Check.Equal(EventKind.Message, stream.ReadEvent().Kind);
                }
            }
        }

        public static void DisposingInItDoesNotWaitForItself()
        {
            using (var live = new Live())
            {
                WalStream stream = null;
                var disposed = new ManualResetEvent(false);
                stream = Opened(live, delegate
                {
                    if (stream == null) return;
                    stream.Dispose();
                    disposed.Set();
                });
                Cut(live, () => disposed.WaitOne(0));
                Check.Eventually(() => live.Sql.Run("SELECT active FROM pg_replication_slots WHERE slot_name = '" + live.Slot + "'") == "f", "the stream is closed");
            }
        }

        private static WalStream Opened(Live live, Action<LogLevel, string> log)
        {
            var options = live.Options;
            options.Log = log;
            options["retry.initial_ms"] = "1";
            return WalStream.Open(live.Conninfo, options);
        }

        // A lost connection is something to tell.
        private static void Cut(Live live, Func<bool> told)
        {
            Check.Eventually(delegate
            {
                if (told()) return true;
                live.Sql.Run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '" + live.Slot + "'");
                Thread.Sleep(20);
                return told();
            }, "the handler was called");
        }

        private static void Garbage()
        {
            for (int i = 0; i < 1000; i++) GC.KeepAlive(new byte[1000]);
            GC.Collect();
        }
    }
}
