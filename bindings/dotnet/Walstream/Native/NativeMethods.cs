// The functions of walstream.h, one declaration each. Owns no logic: handles keep the library's objects alive, callers check codes.
using System;
using System.Runtime.InteropServices;

namespace Walstream.Native
{
    internal static unsafe class NativeMethods
    {
        private const string Library = "walstream";
        private const CallingConvention C = CallingConvention.Cdecl;

        // Called on the stream's thread: the delegate behind it must stay rooted, see LogBridge.
        [UnmanagedFunctionPointer(C)]
        internal delegate void LogCallback(IntPtr user, int level, IntPtr message);

        [DllImport(Library, CallingConvention = C)]
        internal static extern uint walstream_abi_version();

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr walstream_version();

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr walstream_code_name(int code);

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr walstream_kind_name(uint kind);

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr walstream_option_at(uint index);

        [DllImport(Library, CallingConvention = C)]
        internal static extern ConfigHandle walstream_config_new();

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_config_set(ConfigHandle config, byte[] key, byte[] value, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_config_set_log(ConfigHandle config, LogCallback log, IntPtr user);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void walstream_config_free(IntPtr config);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void walstream_error_free(IntPtr error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_open(byte[] conninfo, ConfigHandle config, out StreamHandle stream, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_basebackup_start(byte[] conninfo, ConfigHandle config, out StreamHandle stream, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_start(StreamHandle stream, ulong start_lsn, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_next_batch(StreamHandle stream, int timeout_ms, out BatchHandle batch, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_ack_lsn(StreamHandle stream, ulong lsn, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_wake(StreamHandle stream);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_position(StreamHandle stream, byte[] buffer, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_get_stats(StreamHandle stream, ref NativeStats stats);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_stop(StreamHandle stream, int timeout_ms, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void walstream_free(IntPtr stream);

        [DllImport(Library, CallingConvention = C)]
        internal static extern UIntPtr walstream_batch_count(BatchHandle batch);

        [DllImport(Library, CallingConvention = C)]
        internal static extern NativeEvent* walstream_batch_events(BatchHandle batch, out UIntPtr stride);

        [DllImport(Library, CallingConvention = C)]
        internal static extern ulong walstream_batch_ack_lsn(BatchHandle batch);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void walstream_batch_free(IntPtr batch);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_admin_open(byte[] conninfo, ConfigHandle config, out AdminHandle admin, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_admin_identify(AdminHandle admin, ref NativeSystem system, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_admin_show(AdminHandle admin, byte[] name, out IntPtr value, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_admin_timeline_history(AdminHandle admin, uint timeline, ref NativeHistory history, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_admin_create_slot(AdminHandle admin, byte[] name, ref NativeSlotRequest request, int timeout_ms, out ulong consistent_lsn,
            out SnapshotHandle snapshot, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_admin_alter_slot(AdminHandle admin, byte[] name, int two_phase, int failover, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_admin_read_slot(AdminHandle admin, byte[] name, ref NativeSlotInfo slot, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_admin_drop_slot(AdminHandle admin, byte[] name, int wait, int timeout_ms, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_admin_cancel(AdminHandle admin);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void walstream_admin_free(IntPtr admin);

        [DllImport(Library, CallingConvention = C)]
        internal static extern IntPtr walstream_snapshot_name(SnapshotHandle snapshot);

        [DllImport(Library, CallingConvention = C)]
        internal static extern ulong walstream_snapshot_lsn(SnapshotHandle snapshot);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void walstream_snapshot_free(IntPtr snapshot);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_check(byte[] conninfo, ConfigHandle config, out ReportHandle report, out ErrorHandle error);

        [DllImport(Library, CallingConvention = C)]
        internal static extern UIntPtr walstream_report_count(ReportHandle report);

        [DllImport(Library, CallingConvention = C)]
        internal static extern NativeFinding* walstream_report_finding(ReportHandle report, UIntPtr index);

        [DllImport(Library, CallingConvention = C)]
        internal static extern void walstream_report_free(IntPtr report);

        // Here and below the size that is needed does not count the NUL that text ends with: text fits when needed is below size.
        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_event_to_json(NativeEvent* change, byte* buffer, UIntPtr size, out UIntPtr needed);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_value_to_bool(NativeValue* value, uint type_oid, out int result);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_value_to_int64(NativeValue* value, uint type_oid, out long result);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_value_to_double(NativeValue* value, uint type_oid, out double result);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_value_to_timestamp_us(NativeValue* value, uint type_oid, out long unix_us);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_value_to_uuid(NativeValue* value, uint type_oid, byte* result);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_value_to_bytes(NativeValue* value, uint type_oid, byte* buffer, UIntPtr size, out UIntPtr needed);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int walstream_value_to_text(NativeValue* value, uint type_oid, byte* buffer, UIntPtr size, out UIntPtr needed);
    }
}
