using System;
using Walstream.Native;

namespace Walstream
{
    /// <summary>
    /// One event of a stream. It lives until the next one is read from the stream, or until its batch is disposed; using it
    /// later throws <see cref="InvalidOperationException"/>. <see cref="Clone"/> keeps one.
    /// </summary>
    public sealed unsafe partial class ChangeEvent
    {
        private readonly EventMemory memory;
        private readonly NativeEvent* native;
        private readonly int size;
        private readonly RelationCache relations;
        private volatile bool ended;

        internal ChangeEvent(EventMemory memory, NativeEvent* native, int size, RelationCache relations)
        {
            this.memory = memory;
            this.native = native;
            this.size = size;
            this.relations = relations;
        }

        /// <summary>What happened.</summary>
        public EventKind Kind
        {
            get { return Native->Kind; }
        }

        /// <summary>Flags.</summary>
        public EventFlags Flags
        {
            get { return Native->Flags; }
        }

        /// <summary>With <see cref="Seq"/> the event's identity: the same on each redelivery, rising.</summary>
        public Lsn CommitLsn
        {
            get { return new Lsn(Native->CommitLsn); }
        }

        /// <summary>The second half of the identity.</summary>
        public ulong Seq
        {
            get { return Native->Seq; }
        }

        /// <summary>False: <see cref="CommitLsn"/> and <see cref="Seq"/> identify nothing.</summary>
        public bool HasIdentity
        {
            get { return (Native->Flags & EventFlags.NoIdentity) == 0; }
        }

        /// <summary>Of this change; zero if the server gave none.</summary>
        public Lsn Lsn
        {
            get { return new Lsn(Native->Lsn); }
        }

        /// <summary>Not zero: once everything up to here is safe, give it to <see cref="WalStream.Acknowledge"/>.</summary>
        public Lsn AckLsn
        {
            get { return new Lsn(Native->AckLsn); }
        }

        /// <summary>When the transaction committed by the server's clock, in UTC; null if the server did not tell.</summary>
        public DateTime? CommitTime
        {
            get { return PgTime.FromUnixMicroseconds(Native->CommitTimeUs); }
        }

        /// <summary>The transaction; 0 if the server gave none.</summary>
        public uint Xid
        {
            get { return Native->Xid; }
        }

        /// <summary>The subtransaction; equal to <see cref="Xid"/>, or 0 where the protocol does not tell.</summary>
        public uint Subxid
        {
            get { return Native->Subxid; }
        }

        /// <summary>The table of a row or of a RELATION event, else null.</summary>
        public Relation Relation
        {
            get { return relations.Find(Native->Relation); }
        }

        /// <summary>The row after the change: of an INSERT or UPDATE, else null.</summary>
        public Row NewRow
        {
            get { return Native->NewCount == 0 ? null : new Row(this, native->NewValues, native->NewCount, Relation); }
        }

        /// <summary>What the server sent of the row before the change, null if nothing: see <see cref="OldKind"/>.</summary>
        public Row OldRow
        {
            get { return Native->OldCount == 0 ? null : new Row(this, native->OldValues, native->OldCount, Relation); }
        }

        /// <summary>How much of the row before the change there is.</summary>
        public OldRowKind OldKind
        {
            get { return Native->OldKind; }
        }

        /// <summary>GID, message prefix or origin; null where the kind has none.</summary>
        public string Name
        {
            get { return Keep(Utf8.Name(Native->Name, native->NameLen)); }
        }

        /// <summary>A copy of the message's content, RAW output or WAL; null where the kind has none.</summary>
        public byte[] GetPayload()
        {
            return Keep(Native->Payload == null ? null : Memory.Copy(native->Payload, checked((int)native->PayloadLen)));
        }

        /// <summary>The payload as text.</summary>
        /// <exception cref="System.Text.DecoderFallbackException">It is not UTF-8.</exception>
        public string GetPayloadString()
        {
            return Keep(Native->Payload == null ? null : Utf8.Value(native->Payload, checked((int)native->PayloadLen)));
        }

        /// <summary>A copy that lives as long as it is referenced.</summary>
        public ChangeEvent Clone()
        {
            NativeEvent* copy;
            var handle = EventCopy.Make(Native, size, out copy);
            GC.KeepAlive(memory);
            return new ChangeEvent(new EventMemory(handle), copy, size, relations);
        }

        /// <summary>The event as one line of JSON, as the library writes it for every language.</summary>
        public string ToJson()
        {
            return Keep(Json.Write(Native));
        }

        /// <summary>Kind, table and position, for people.</summary>
        public override string ToString()
        {
            var relation = Relation;
            return Kind + (relation == null ? "" : " " + relation) + " " + Lsn;
        }

        // Every way to the library's memory goes through here.
        internal NativeEvent* Native
        {
            get
            {
                if (ended || memory.IsEnded)
                    throw new InvalidOperationException("this event is over: the next one was read, or its batch disposed; Clone() keeps an event");
                return native;
            }
        }

        internal void End()
        {
            ended = true;
        }

        // The memory must not be collected before the value was read from it.
        private T Keep<T>(T value)
        {
            GC.KeepAlive(memory);
            return value;
        }
    }
}
