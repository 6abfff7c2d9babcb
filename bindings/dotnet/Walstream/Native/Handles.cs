// What the library hands out and wants back. The runtime counts the calls that use a handle: one that is disposed
// while a call is inside is given back when the last such call has left.
using System;
using System.Runtime.InteropServices;

namespace Walstream.Native
{
    internal abstract class NativeHandle : SafeHandle
    {
        protected NativeHandle() : base(IntPtr.Zero, true)
        {
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }
    }

    internal sealed class ConfigHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.walstream_config_free(handle);
            return true;
        }
    }

    internal sealed class StreamHandle : NativeHandle
    {
        // Of the log handler: the library uses it until the stream is freed.
        private GCHandle log;

        internal void KeepUntilFreed(GCHandle handler)
        {
            log = handler;
        }

        protected override bool ReleaseHandle()
        {
            NativeMethods.walstream_free(handle);
            if (log.IsAllocated) log.Free();
            return true;
        }
    }

    internal sealed class BatchHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.walstream_batch_free(handle);
            return true;
        }
    }

    internal sealed class AdminHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.walstream_admin_free(handle);
            return true;
        }
    }

    internal sealed class SnapshotHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.walstream_snapshot_free(handle);
            return true;
        }
    }

    internal sealed class ReportHandle : NativeHandle
    {
        protected override bool ReleaseHandle()
        {
            NativeMethods.walstream_report_free(handle);
            return true;
        }
    }

    internal sealed unsafe class ErrorHandle : NativeHandle
    {
        // Valid while this handle is.
        internal NativeError* Error
        {
            get { return (NativeError*)handle; }
        }

        protected override bool ReleaseHandle()
        {
            NativeMethods.walstream_error_free(handle);
            return true;
        }
    }
}
