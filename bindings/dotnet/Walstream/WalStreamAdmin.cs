using System;
using System.Threading;
using Walstream.Native;

namespace Walstream
{
    /// <summary>
    /// A connection for single questions and commands: it makes, reads, alters and drops slots, and says which server this is. A new connection is
    /// made when the server has ended the old one, or a call was ended while it ran; temporary slots end with it. One thread at a time may be inside a call (another one gets <see cref="ErrorCode.Busy"/>);
    /// <see cref="Cancel"/> and <see cref="Dispose"/> may be called beside it, and end it. Every call throws
    /// <see cref="WalStreamException"/> when it fails, <see cref="OperationCanceledException"/> when it was cancelled,
    /// <see cref="ObjectDisposedException"/> when this was disposed, and <see cref="ArgumentException"/> for text with a NUL character. What a call
    /// gives is a copy and stays valid.
    /// </summary>
    public sealed class WalStreamAdmin : IDisposable
    {
        private readonly AdminHandle handle;

        // Held by whoever is inside a call, and until what it gave is copied: the next call ends the life of that.
        private readonly object calling = new object();

        // 1 after Cancel, until a call was ended by it.
        private int cancelled;
        private volatile bool disposed;

        private WalStreamAdmin(AdminHandle handle)
        {
            this.handle = handle;
        }

        /// <summary>Connects to the database that the conninfo names, within the option connect_timeout_ms.</summary>
        /// <param name="conninfo">As libpq takes it: keywords or URI.</param>
        /// <param name="options">
        /// Copied; null: all defaults. With mode=physical the connection has no database: there are no logical slots to make then, and of a physical
        /// one only its position is read (PostgreSQL 15 and later).
        /// </param>
        /// <exception cref="WalStreamException">What is wrong, and what to do.</exception>
        /// <exception cref="ArgumentException">A text has a NUL character.</exception>
        public static WalStreamAdmin Open(string conninfo, WalStreamOptions options = null)
        {
            if (conninfo == null) throw new ArgumentNullException("conninfo");
            using (var config = (options ?? new WalStreamOptions()).ToNative())
            {
                AdminHandle handle;
                ErrorHandle error;
                Call.Check(NativeMethods.walstream_admin_open(Utf8.ToNative(conninfo, "conninfo"), config, out handle, out error), error);
                return new WalStreamAdmin(handle);
            }
        }

        /// <summary>Which server, timeline and database this is, and how far its log is flushed.</summary>
        public unsafe ServerIdentity Identify()
        {
            var system = new NativeSystem { StructSize = (uint)sizeof(NativeSystem) };
            return Run((out ErrorHandle error) => NativeMethods.walstream_admin_identify(handle, ref system, out error), () => new ServerIdentity(system));
        }

        /// <summary>The value of a setting, as SHOW prints it.</summary>
        /// <exception cref="WalStreamException">Argument: there is no such setting.</exception>
        public string Show(string name)
        {
            var native = Required(name);
            IntPtr value = IntPtr.Zero;
            return Run((out ErrorHandle error) => NativeMethods.walstream_admin_show(handle, native, out value, out error), () => Utf8.Name(value));
        }

        /// <summary>A timeline's history file, and its switches. Empty for timeline 1, which has none.</summary>
        public unsafe TimelineHistory TimelineHistory(uint timeline)
        {
            var history = new NativeHistory { StructSize = (uint)sizeof(NativeHistory) };
            return Run((out ErrorHandle error) => NativeMethods.walstream_admin_timeline_history(handle, timeline, ref history, out error),
                () => new TimelineHistory(history));
        }

        /// <summary>
        /// Makes a slot. A logical one waits for all transactions that are open in any database. Where the call is ended before it is done, neither
        /// the slot nor a server process is left behind.
        /// </summary>
        /// <param name="name">Lower case letters, digits and underscores.</param>
        /// <param name="request">Which kind; null: a logical one for pgoutput.</param>
        /// <param name="timeout">How long it may take; null: for ever.</param>
        /// <param name="cancellationToken">Ends this call.</param>
        /// <exception cref="TimeoutException">It took longer than the timeout.</exception>
        public unsafe CreatedSlot CreateSlot(string name, SlotRequest request = null, TimeSpan? timeout = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            var native = Required(name);
            request = request ?? new SlotRequest();
            var plugin = Utf8.ToNative(request.Plugin, "request");
            int milliseconds = Milliseconds(timeout);
            ulong lsn = 0;
            SnapshotHandle snapshot = null;
            return Run(delegate(out ErrorHandle error)
            {
                fixed (byte* text = plugin)
                {
                    var wanted = request.ToNative(text);
                    return NativeMethods.walstream_admin_create_slot(handle, native, ref wanted, milliseconds, out lsn, out snapshot, out error);
                }
            }, () => new CreatedSlot(new Lsn(lsn), snapshot.IsInvalid ? null : new SlotSnapshot(snapshot)), cancellationToken);
        }

        /// <summary>Changes a slot.</summary>
        /// <param name="name">The slot.</param>
        /// <param name="twoPhase">Whether prepared transactions are sent at their PREPARE (needs PostgreSQL 18); null leaves it.</param>
        /// <param name="failover">Whether it is synchronised to standbys (needs PostgreSQL 17); null leaves it.</param>
        /// <exception cref="WalStreamException">Unsupported: this server's version cannot.</exception>
        public void AlterSlot(string name, bool? twoPhase = null, bool? failover = null)
        {
            var native = Required(name);
            Run((out ErrorHandle error) => NativeMethods.walstream_admin_alter_slot(handle, native, Wish(twoPhase), Wish(failover), out error), () => true);
        }

        /// <summary>What the server says of a slot.</summary>
        /// <exception cref="WalStreamException">SlotMissing: there is none of that name.</exception>
        public unsafe SlotInfo ReadSlot(string name)
        {
            var native = Required(name);
            var slot = new NativeSlotInfo { StructSize = (uint)sizeof(NativeSlotInfo) };
            return Run((out ErrorHandle error) => NativeMethods.walstream_admin_read_slot(handle, native, ref slot, out error), () => new SlotInfo(slot));
        }

        /// <summary>Drops a slot.</summary>
        /// <param name="name">The slot.</param>
        /// <param name="wait">While somebody reads it: waits for the reader's end, instead of failing with <see cref="ErrorCode.SlotInUse"/>.</param>
        /// <param name="timeout">How long it may take; null: for ever.</param>
        /// <param name="cancellationToken">Ends this call.</param>
        /// <exception cref="TimeoutException">It took longer than the timeout: nothing was dropped.</exception>
        public void DropSlot(string name, bool wait = false, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            var native = Required(name);
            int milliseconds = Milliseconds(timeout);
            Run((out ErrorHandle error) => NativeMethods.walstream_admin_drop_slot(handle, native, wait ? 1 : 0, milliseconds, out error), () => true,
                cancellationToken);
        }

        /// <summary>
        /// Ends the call in progress, or else the next one: it throws <see cref="OperationCanceledException"/> once the server has called off what it
        /// was doing. Any thread; never waits.
        /// </summary>
        /// <exception cref="ObjectDisposedException">This was disposed.</exception>
        public void Cancel()
        {
            RefuseDisposed();
            Interlocked.Exchange(ref cancelled, 1);
            CallOff();
        }

        /// <summary>
        /// Closes the connection, and ends a call in progress, which throws <see cref="ObjectDisposedException"/>; the connection closes when that has
        /// left. Temporary slots end with it, snapshots do not.
        /// </summary>
        public void Dispose()
        {
            disposed = true;
            CallOff();
            handle.Dispose();
        }

        private delegate int Command(out ErrorHandle error);

        // What the library gives lives in the handle: it is held, and no other call let in, until that is taken.
        private T Run<T>(Command command, Func<T> take, CancellationToken cancellationToken = default(CancellationToken))
        {
            RefuseDisposed();
            if (!Monitor.TryEnter(calling))
                throw new WalStreamException(ErrorCode.Busy, "another thread is inside a call of this administrator", "", "",
                    "use one for each thread; Cancel ends the call in progress", 0, 0);
            bool held = false;
            try
            {
                RefuseDisposed();
                handle.DangerousAddRef(ref held);
                // Before the library hears of it: the call after this one would be the one that is called off.
                cancellationToken.ThrowIfCancellationRequested();
                // Its disposal waits for a callback that runs: none comes after this call.
                using (cancellationToken.Register(CallOff)) RunWhileCalledOff(command, cancellationToken);
                return take();
            }
            finally
            {
                if (held) handle.DangerousRelease();
                Monitor.Exit(calling);
            }
        }

        // A token that was cancelled at the end of an earlier call, too late for it, ends none of the later ones: the library sends nothing for a
        // call that is cancelled beforehand, so that it can be made again.
        private void RunWhileCalledOff(Command command, CancellationToken cancellationToken)
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ErrorHandle error;
                int code = Call.Check(command(out error), error);
                if (code == Call.Timeout) throw new TimeoutException("the server was not done in time");
                if (code != Call.Woken) return;
                RefuseDisposed();
                if (Interlocked.Exchange(ref cancelled, 0) != 0) throw new OperationCanceledException("the call was cancelled");
            }
        }

        private void CallOff()
        {
            try
            {
                NativeMethods.walstream_admin_cancel(handle);
            }
            catch (ObjectDisposedException)
            {
                // Nothing is left to call off.
            }
        }

        private void RefuseDisposed()
        {
            if (disposed) throw new ObjectDisposedException("WalStreamAdmin");
        }

        private static byte[] Required(string name)
        {
            if (name == null) throw new ArgumentNullException("name");
            return Utf8.ToNative(name, "name");
        }

        private static int Milliseconds(TimeSpan? timeout)
        {
            return timeout == null ? -1 : WalStream.Milliseconds(timeout.Value);
        }

        private static int Wish(bool? on)
        {
            return on == null ? -1 : on.Value ? 1 : 0;
        }
    }
}
