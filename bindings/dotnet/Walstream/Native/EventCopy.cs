// A deep copy of one event in one block of memory, in the library's own layout: whatever reads events reads it as well.
// Bytes of structs that grew since this was written are zero in the copy.
using System;
using System.Runtime.InteropServices;

namespace Walstream.Native
{
    internal sealed unsafe class CopyHandle : NativeHandle
    {
        internal CopyHandle(long size)
        {
            SetHandle(Marshal.AllocHGlobal(new IntPtr(size)));
        }

        internal byte* Start
        {
            get { return (byte*)handle; }
        }

        protected override bool ReleaseHandle()
        {
            Marshal.FreeHGlobal(handle);
            return true;
        }
    }

    internal sealed unsafe class EventCopy
    {
        // NULL in the first pass, which only measures.
        private readonly byte* start;
        private long used;

        private EventCopy(byte* start)
        {
            this.start = start;
        }

        internal static CopyHandle Make(NativeEvent* source, int eventSize, out NativeEvent* copy)
        {
            var measure = new EventCopy(null);
            measure.Event(source, eventSize);
            var handle = new CopyHandle(measure.used);
            copy = new EventCopy(handle.Start).Event(source, eventSize);
            return handle;
        }

        private NativeEvent* Event(NativeEvent* source, int eventSize)
        {
            var target = (NativeEvent*)Take(eventSize);
            var copy = *source;
            copy.Relation = Relation(source->Relation);
            copy.NewValues = Values(source->NewValues, source->NewCount);
            copy.OldValues = Values(source->OldValues, source->OldCount);
            copy.Detail = Detail(source);
            if (copy.Detail == null && start != null) copy.DetailCount = 0;
            copy.Name = Bytes(source->Name, source->NameLen);
            copy.Payload = Bytes(source->Payload, source->PayloadLen);
            if (start != null) *target = copy;
            return target;
        }

        private NativeRelation* Relation(NativeRelation* source)
        {
            if (source == null) return null;
            var target = (NativeRelation*)Take(Math.Max(source->StructSize, (uint)sizeof(NativeRelation)));
            var copy = *source;
            copy.Schema = Bytes(source->Schema, source->SchemaLen);
            copy.Name = Bytes(source->Name, source->NameLen);
            copy.Columns = (NativeColumn*)Take((long)source->ColumnCount * source->ColumnSize);
            for (long i = 0; i < source->ColumnCount; i++)
                Column((NativeColumn*)((byte*)source->Columns + i * source->ColumnSize), (byte*)copy.Columns + i * source->ColumnSize);
            if (start != null) *target = copy;
            return target;
        }

        private void Column(NativeColumn* source, byte* target)
        {
            var copy = *source;
            copy.Name = Bytes(source->Name, source->NameLen);
            copy.TypeName = Bytes(source->TypeName, source->TypeNameLen);
            if (start != null) *(NativeColumn*)target = copy;
        }

        private NativeValue* Values(NativeValue* source, uint count)
        {
            if (source == null) return null;
            var target = (NativeValue*)Take((long)count * sizeof(NativeValue));
            for (uint i = 0; i < count; i++)
            {
                var copy = source[i];
                copy.Data = Bytes(source[i].Data, source[i].Size);
                if (start != null) target[i] = copy;
            }
            return target;
        }

        private void* Detail(NativeEvent* source)
        {
            if (source->Detail == null) return null;
            switch (source->Kind)
            {
                case EventKind.Truncate: return Relations((NativeRelation**)source->Detail, source->DetailCount);
                case EventKind.Type: return Type((NativeTypeDetail*)source->Detail);
                case EventKind.Origin: return Plain(source->Detail, sizeof(NativeOriginDetail));
                case EventKind.RollbackPrepared: return Plain(source->Detail, sizeof(NativeRollbackDetail));
                case EventKind.Wal:
                case EventKind.Timeline: return Plain(source->Detail, sizeof(NativeTimelineDetail));
                case EventKind.BackupProgress: return Plain(source->Detail, sizeof(NativeProgressDetail));
                case EventKind.BackupStart:
                case EventKind.BackupEnd: return Backup((NativeBackupDetail*)source->Detail);
                case EventKind.ArchiveBegin: return Tablespaces((NativeTablespaceDetail*)source->Detail, 1);
                default: return null;
            }
        }

        private NativeRelation** Relations(NativeRelation** source, uint count)
        {
            var target = (NativeRelation**)Take((long)count * sizeof(NativeRelation*));
            for (uint i = 0; i < count; i++)
            {
                var copy = Relation(source[i]);
                if (start != null) target[i] = copy;
            }
            return target;
        }

        private NativeTypeDetail* Type(NativeTypeDetail* source)
        {
            var target = (NativeTypeDetail*)Take(sizeof(NativeTypeDetail));
            var copy = *source;
            copy.Schema = Bytes(source->Schema, Length(source->Schema));
            copy.Name = Bytes(source->Name, Length(source->Name));
            if (start != null) *target = copy;
            return target;
        }

        private NativeBackupDetail* Backup(NativeBackupDetail* source)
        {
            var target = (NativeBackupDetail*)Take(sizeof(NativeBackupDetail));
            var copy = *source;
            copy.Tablespaces = Tablespaces(source->Tablespaces, source->TablespaceCount);
            if (start != null) *target = copy;
            return target;
        }

        private NativeTablespaceDetail* Tablespaces(NativeTablespaceDetail* source, uint count)
        {
            if (source == null) return null;
            var target = (NativeTablespaceDetail*)Take((long)count * sizeof(NativeTablespaceDetail));
            for (uint i = 0; i < count; i++)
            {
                var copy = source[i];
                copy.Location = Bytes(source[i].Location, source[i].LocationLen);
                if (start != null) target[i] = copy;
            }
            return target;
        }

        private void* Plain(void* source, int size)
        {
            var target = Take(size);
            if (start != null) Buffer.MemoryCopy(source, target, size, size);
            return target;
        }

        // With the NUL behind it, which the library promises to its readers.
        private byte* Bytes(byte* source, uint size)
        {
            if (source == null) return null;
            var target = Take((long)size + 1);
            if (start != null) Buffer.MemoryCopy(source, target, size, size);
            return target;
        }

        private static uint Length(byte* text)
        {
            uint size = 0;
            while (text != null && text[size] != 0) size++;
            return size;
        }

        // Zeroed, and aligned for every struct.
        private byte* Take(long size)
        {
            long at = used;
            used += (size + 7) / 8 * 8;
            if (start == null) return null;
            for (long i = at; i < used; i += 8) *(long*)(start + i) = 0;
            return start + at;
        }
    }
}
