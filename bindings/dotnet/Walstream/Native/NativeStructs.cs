// The structs of walstream.h, field by field; a test compares every size and offset with the header.
using System.Runtime.InteropServices;

namespace Walstream.Native
{
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeColumn
    {
        internal byte* Name;
        internal byte* TypeName;
        internal uint NameLen;
        internal uint TypeNameLen;
        internal uint TypeOid;
        internal int TypeModifier;
        internal uint Flags;
        internal uint Reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeRelation
    {
        internal uint StructSize;
        internal uint Oid;
        internal byte* Schema;
        internal byte* Name;
        internal NativeColumn* Columns;
        internal uint SchemaLen;
        internal uint NameLen;
        internal uint ColumnCount;
        internal uint ColumnSize;
        internal uint ReplicaIdentity;
        internal uint KeyCount;
        internal ulong Version;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeValue
    {
        internal byte* Data;
        internal uint Size;
        internal ValueKind Kind;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeEvent
    {
        internal EventKind Kind;
        internal EventFlags Flags;
        internal ulong CommitLsn;
        internal ulong Seq;
        internal ulong Lsn;
        internal ulong AckLsn;
        internal long CommitTimeUs;
        internal uint Xid;
        internal uint Subxid;
        internal NativeRelation* Relation;
        internal NativeValue* NewValues;
        internal NativeValue* OldValues;
        internal uint NewCount;
        internal uint OldCount;
        internal OldRowKind OldKind;
        internal uint DetailCount;
        internal void* Detail;
        internal byte* Name;
        internal byte* Payload;
        internal uint NameLen;
        internal uint PayloadLen;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeError
    {
        internal uint StructSize;
        internal int Code;
        internal ErrorFlags Flags;
        internal int OsErrno;
        internal byte* Sqlstate;
        internal byte* Message;
        internal byte* Detail;
        internal byte* Hint;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeOption
    {
        internal uint StructSize;
        internal uint Reserved;
        internal byte* Name;
        internal byte* DefaultValue;
        internal byte* Allowed;
        internal byte* Help;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeStats
    {
        internal uint StructSize;
        internal StreamState State;
        internal ulong ReceivedLsn;
        internal ulong DeliveredLsn;
        internal ulong AckedLsn;
        internal ulong ConfirmedLsn;
        internal ulong ServerLsn;
        internal ulong LagBytes;
        internal ulong CommitDelayUs;
        internal ulong Events;
        internal ulong Bytes;
        internal ulong QueueEvents;
        internal ulong QueueBytes;
        internal ulong HostBytes;
        internal ulong SpilledBytes;
        internal ulong OpenTransactions;
        internal ulong Reconnects;
        internal ulong StalledUs;
        internal int LastError;
        internal uint Reserved;
        internal ulong Naps;
        internal ulong NapUs;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeTypeDetail
    {
        internal byte* Schema;
        internal byte* Name;
        internal uint Oid;
        internal uint Reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeOriginDetail
    {
        internal ulong OriginLsn;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeRollbackDetail
    {
        internal ulong PrepareEndLsn;
        internal long PrepareTimeUs;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeTimelineDetail
    {
        internal ulong SwitchLsn;
        internal uint Timeline;
        internal uint OldTimeline;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeTablespaceDetail
    {
        internal byte* Location;
        internal long Size;
        internal uint Oid;
        internal uint LocationLen;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeBackupDetail
    {
        internal uint Timeline;
        internal uint TablespaceCount;
        internal NativeTablespaceDetail* Tablespaces;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeProgressDetail
    {
        internal ulong Done;
        internal ulong Total;
    }
}
