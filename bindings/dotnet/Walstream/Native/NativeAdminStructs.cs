// The structs of walstream.h for administration and the preflight; a test compares them with the header, too.
using System;
using System.Runtime.InteropServices;

namespace Walstream.Native
{
    [Flags]
    internal enum SlotFlags : uint
    {
        None = 0,
        Physical = 1,
        Temporary = 2,
        TwoPhase = 4,
        Failover = 8,
        ReserveWal = 16,
        Active = 32,
        Synced = 64,
        Conflicting = 128,
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeSystem
    {
        internal uint StructSize;
        internal uint Timeline;
        internal ulong SystemId;
        internal ulong FlushLsn;
        internal byte* Database;
        internal int ServerVersion;
        internal uint Reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeHistory
    {
        internal uint StructSize;
        internal uint Timeline;
        internal byte* FileName;
        internal byte* Content;
        internal ulong ContentLen;
        internal NativeTimelineDetail* Switches;
        internal ulong SwitchCount;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeSlotRequest
    {
        internal uint StructSize;
        internal SlotFlags Flags;
        internal SnapshotWish Snapshot;
        internal uint Reserved;
        internal byte* Plugin;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeSlotInfo
    {
        internal uint StructSize;
        internal SlotFlags Flags;
        internal ulong RestartLsn;
        internal ulong ConfirmedFlushLsn;
        internal ulong TwoPhaseAt;
        internal long SafeWalSize;
        internal int ActivePid;
        internal uint RestartTimeline;
        internal uint Xmin;
        internal uint CatalogXmin;
        internal byte* Plugin;
        internal byte* Database;
        internal byte* WalStatus;
        internal byte* InvalidationReason;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeFinding
    {
        internal uint StructSize;
        internal Severity Severity;
        internal byte* Code;
        internal byte* Object;
        internal byte* Message;
        internal byte* Remedy;
    }
}
