using System;
using System.Runtime.InteropServices;
using System.Threading;
using Walstream.Native;

namespace Walstream
{
    /// <summary>
    /// The changes of a PostgreSQL database, in commit order. Read with one thread at a time; everything else may be called from any thread
    /// beside it, also <see cref="Stop()"/> and <see cref="Dispose"/>: they end a read that waits.
    /// </summary>
    public sealed partial class WalStream : IDisposable
    {
        private readonly StreamHandle handle;
        private readonly RelationCache relations = new RelationCache();
        private volatile bool stopping;
        private volatile bool disposed;

        private WalStream(StreamHandle handle)
        {
            this.handle = handle;
        }

        /// <summary>Connects, checks server and slot, and starts streaming.</summary>
        /// <param name="conninfo">As libpq takes it: keywords or URI.</param>
        /// <param name="options">At least the slot, and for pgoutput the publication.</param>
        /// <exception cref="WalStreamException">What is wrong, and what to do.</exception>
        public static WalStream Open(string conninfo, WalStreamOptions options)
        {
            return Open(conninfo, options, CancellationToken.None);
        }

        /// <summary>Connects, checks server and slot, and starts streaming, unless cancelled before that is done.</summary>
        public static WalStream Open(string conninfo, WalStreamOptions options, CancellationToken cancellationToken)
        {
            if (conninfo == null) throw new ArgumentNullException("conninfo");
            if (options == null) throw new ArgumentNullException("options");
            var stream = new WalStream(OpenHandle(conninfo, options, NativeMethods.walstream_open));
            try
            {
                stream.Start(options.StartLsn, cancellationToken);
                return stream;
            }
            catch
            {
                stream.Dispose();
                throw;
            }
        }

        /// <summary>
        /// Starts a base backup by the options backup.*: its events are BACKUP_START, the archives (ARCHIVE_BEGIN, BACKUP_DATA), the manifest and BACKUP_END.
        /// Nothing is acknowledged, and a backup that breaks off is not taken up again.
        /// </summary>
        public static WalStream OpenBackup(string conninfo, WalStreamOptions options)
        {
            if (conninfo == null) throw new ArgumentNullException("conninfo");
            if (options == null) throw new ArgumentNullException("options");
            return new WalStream(OpenHandle(conninfo, options, NativeMethods.walstream_basebackup_start));
        }

        /// <summary>The library's version, such as "0.1.0".</summary>
        public static string LibraryVersion
        {
            get { return Utf8.Name(NativeMethods.walstream_version()); }
        }

        /// <summary>Everything up to and including this position, an event's AckLsn, is safe here. Never waits.</summary>
        /// <exception cref="WalStreamException">AckAhead: it was not read yet. Nothing changes then.</exception>
        public void Acknowledge(Lsn lsn)
        {
            RefuseUnread(lsn);
            ErrorHandle error;
            Call.Check(NativeMethods.walstream_ack_lsn(handle, lsn.Value, out error), error);
        }

        /// <summary>A snapshot of where the stream stands.</summary>
        public unsafe WalStreamStats Stats
        {
            get
            {
                var stats = new NativeStats { StructSize = (uint)sizeof(NativeStats) };
                Call.Check(NativeMethods.walstream_get_stats(handle, ref stats), null);
                return new WalStreamStats(stats);
            }
        }

        /// <summary>Where the host stands, with the server's identity: for <see cref="WalStreamOptions.StartPosition"/> of a later process.</summary>
        public unsafe string Position
        {
            get
            {
                const int PositionBuffer = 64;
                var buffer = new byte[PositionBuffer];
                ErrorHandle error;
                Call.Check(NativeMethods.walstream_position(handle, buffer, out error), error);
                fixed (byte* text = buffer) return Utf8.Name(text);
            }
        }

        /// <summary>
        /// Sends the last acknowledgement, ends the stream and closes the connection; a read that waits ends. What was not read is dropped, and comes
        /// again next time. False: it took longer than the timeout, and the connection was cut.
        /// </summary>
        public bool Stop(TimeSpan timeout)
        {
            int milliseconds = Milliseconds(timeout);
            stopping = true;
            Wake();
            // The reader leaves, and finds that the stream stops.
            lock (reading)
            {
                ErrorHandle error;
                return Call.Check(NativeMethods.walstream_stop(handle, milliseconds, out error), error) != Call.Timeout;
            }
        }

        /// <summary>Stops within ten seconds.</summary>
        public bool Stop()
        {
            return Stop(TimeSpan.FromSeconds(10));
        }

        /// <summary>
        /// Closes without waiting for the network; stop first to be sure that the server has the last acknowledgement. A read that waits throws
        /// <see cref="ObjectDisposedException"/>. The last event that was read stays valid.
        /// </summary>
        public void Dispose()
        {
            disposed = true;
            Wake();
            // Freeing waits for the log handler, which would be us.
            if (LogBridge.IsInside) ThreadPool.QueueUserWorkItem(delegate { handle.Dispose(); });
            else handle.Dispose();
        }

        private delegate int Opener(byte[] conninfo, ConfigHandle config, out StreamHandle stream, out ErrorHandle error);

        private static StreamHandle OpenHandle(string conninfo, WalStreamOptions options, Opener open)
        {
            using (var config = options.ToNative())
            {
                ErrorHandle error;
                var log = options.Log == null ? default(GCHandle) : LogBridge.Attach(config, options.Log);
                StreamHandle opened = null;
                try
                {
                    Call.Check(open(Utf8.ToNative(conninfo, "conninfo"), config, out opened, out error), error);
                    opened.KeepUntilFreed(log);
                    return opened;
                }
                catch
                {
                    if (log.IsAllocated) log.Free();
                    throw;
                }
            }
        }

        private void Start(Lsn start, CancellationToken cancellationToken)
        {
            using (cancellationToken.Register(Wake))
            {
                int code;
                do
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    ErrorHandle error;
                    code = Call.Check(NativeMethods.walstream_start(handle, start.Value, out error), error);
                }
                while (code == Call.Woken);
            }
        }

        private void Wake()
        {
            try
            {
                NativeMethods.walstream_wake(handle);
            }
            catch (ObjectDisposedException)
            {
                // Nobody is left to wake.
            }
        }

        internal static int Milliseconds(TimeSpan timeout)
        {
            if (timeout == Timeout.InfiniteTimeSpan) return -1;
            if (timeout < TimeSpan.Zero) throw new ArgumentOutOfRangeException("timeout");
            return (int)Math.Min(Math.Ceiling(timeout.TotalMilliseconds), int.MaxValue);
        }
    }
}
