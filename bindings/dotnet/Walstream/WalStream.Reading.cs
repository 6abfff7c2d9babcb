using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Walstream.Native;

namespace Walstream
{
    // Events cross the border in batches, and are handed out one by one.
    public sealed partial class WalStream
    {
        // Held by whoever reads or stops, also while waiting.
        private readonly object reading = new object();

        // Guards the three below, for moments only: acknowledging looks at them beside a read that waits.
        private readonly object cursor = new object();
        private ChangeBatch current;
        private int next;
        private ChangeEvent last;

        /// <summary>The events, until the stream's end. Each lives until the next one is read.</summary>
        /// <exception cref="OperationCanceledException">It was cancelled. The next read goes on where this one ended.</exception>
        public IEnumerable<ChangeEvent> ReadEvents(CancellationToken cancellationToken = default(CancellationToken))
        {
            ChangeEvent change;
            while ((change = ReadEvent(cancellationToken)) != null) yield return change;
        }

        /// <summary>The next event, which lives until the one after it is read; null at the stream's end (StopLsn, Stop).</summary>
        public ChangeEvent ReadEvent(CancellationToken cancellationToken = default(CancellationToken))
        {
            ChangeEvent change;
            ReadEvent(-1, cancellationToken, out change);
            return change;
        }

        /// <summary>The next event if there is one within the timeout. False, too, at the stream's end.</summary>
        public bool TryReadEvent(TimeSpan timeout, out ChangeEvent change)
        {
            return ReadEvent(Milliseconds(timeout), CancellationToken.None, out change) == Call.Ok;
        }

        /// <summary>All that is ready, waiting only when nothing is; null at the stream's end. Dispose the batch.</summary>
        public ChangeBatch ReadBatch(CancellationToken cancellationToken = default(CancellationToken))
        {
            ChangeBatch batch;
            ReadBatch(-1, cancellationToken, out batch);
            return batch;
        }

        /// <summary>All that is ready within the timeout. False when nothing is, too at the stream's end.</summary>
        public bool TryReadBatch(TimeSpan timeout, out ChangeBatch batch)
        {
            return ReadBatch(Milliseconds(timeout), CancellationToken.None, out batch) == Call.Ok;
        }

        private int ReadEvent(int milliseconds, CancellationToken cancellationToken, out ChangeEvent change)
        {
            change = null;
            if (!EnterReading()) return Call.End;
            try
            {
                cancellationToken.ThrowIfCancellationRequested();
                EndLast();
                if (!HasUnread())
                {
                    ChangeBatch batch;
                    int code = Wait(milliseconds, cancellationToken, out batch);
                    if (code != Call.Ok) return code;
                    lock (cursor)
                    {
                        current = batch;
                        next = 0;
                    }
                }
                lock (cursor) change = last = current[next++];
                return Call.Ok;
            }
            finally
            {
                Monitor.Exit(reading);
            }
        }

        private int ReadBatch(int milliseconds, CancellationToken cancellationToken, out ChangeBatch batch)
        {
            batch = null;
            if (!EnterReading()) return Call.End;
            try
            {
                cancellationToken.ThrowIfCancellationRequested();
                EndLast();
                if (!HasUnread()) return Wait(milliseconds, cancellationToken, out batch);
                lock (cursor)
                {
                    batch = current.Skip(next);
                    current = null;
                }
                return Call.Ok;
            }
            finally
            {
                Monitor.Exit(reading);
            }
        }

        // False: it is somebody who stops that holds the stream.
        private bool EnterReading()
        {
            RefuseDisposed();
            if (Monitor.TryEnter(reading)) return true;
            if (stopping) return false;
            throw Call.Failure((int)ErrorCode.Busy);
        }

        private void RefuseDisposed()
        {
            if (disposed) throw new ObjectDisposedException("WalStream");
        }

        private void EndLast()
        {
            lock (cursor)
            {
                if (last != null) last.End();
                last = null;
                // Stopping drops what was not read.
                if (current == null || (next < current.Count && !stopping)) return;
                current.Dispose();
                current = null;
            }
        }

        private bool HasUnread()
        {
            lock (cursor) return current != null;
        }

        private int Wait(int milliseconds, CancellationToken cancellationToken, out ChangeBatch batch)
        {
            batch = null;
            if (cancellationToken.CanBeCanceled)
                using (cancellationToken.Register(Wake))
                    return WaitWhileWoken(milliseconds, cancellationToken, ref batch);
            return WaitWhileWoken(milliseconds, cancellationToken, ref batch);
        }

        // A wake may also be left over from a cancellation or timeout that came too late for its read.
        private int WaitWhileWoken(int milliseconds, CancellationToken cancellationToken, ref ChangeBatch batch)
        {
            var since = Stopwatch.StartNew();
            while (true)
            {
                RefuseDisposed();
                cancellationToken.ThrowIfCancellationRequested();
                if (stopping) return Call.End;
                int left = milliseconds <= 0 ? milliseconds : (int)Math.Max(0, milliseconds - since.ElapsedMilliseconds);
                BatchHandle events;
                ErrorHandle error;
                int code = Call.Check(NativeMethods.walstream_next_batch(handle, left, out events, out error), error);
                if (code == Call.Ok) batch = new ChangeBatch(events, relations);
                else events.Dispose();
                if (code != Call.Woken) return code;
            }
        }

        // The library checks against the batch that it handed out; of which the host may not have seen all.
        private void RefuseUnread(Lsn lsn)
        {
            lock (cursor)
            {
                if (current == null) return;
                ulong unread = current.NextAckLsn(next);
                if (unread == 0 || lsn.Value < unread) return;
            }
            throw new WalStreamException(ErrorCode.AckAhead, "position " + lsn + " was not read yet", "", "",
                "acknowledge an event's AckLsn after reading the event", 0, 0);
        }
    }
}
