using System;
using System.Collections;
using System.Collections.Generic;
using Walstream.Native;

namespace Walstream
{
    /// <summary>Events that were ready at once. They live until the batch is disposed, also beyond the stream.</summary>
    public sealed unsafe class ChangeBatch : IReadOnlyList<ChangeEvent>, IDisposable
    {
        private readonly EventMemory memory;
        private readonly RelationCache relations;
        private readonly NativeEvent* first;
        private readonly int stride;

        internal ChangeBatch(BatchHandle handle, RelationCache relations)
        {
            UIntPtr size;
            this.relations = relations;
            first = NativeMethods.walstream_batch_events(handle, out size);
            stride = (int)size;
            Count = (int)NativeMethods.walstream_batch_count(handle);
            AckLsn = new Lsn(NativeMethods.walstream_batch_ack_lsn(handle));
            memory = new EventMemory(handle);
        }

        // What is left of a batch of which some events were read one by one.
        private ChangeBatch(ChangeBatch other, int skip)
        {
            memory = other.memory;
            relations = other.relations;
            stride = other.stride;
            first = other.At(skip);
            Count = other.Count - skip;
            for (int i = 0; i < Count; i++)
                if (At(i)->AckLsn > AckLsn.Value) AckLsn = new Lsn(At(i)->AckLsn);
        }

        /// <summary>How many events it has; never 0.</summary>
        public int Count { get; private set; }

        /// <summary>Highest AckLsn in the batch, zero if no transaction ends in it: acknowledge it when the whole batch is safe.</summary>
        public Lsn AckLsn { get; private set; }

        /// <summary>The event at an index.</summary>
        public ChangeEvent this[int index]
        {
            get
            {
                if (index < 0 || index >= Count) throw new ArgumentOutOfRangeException("index");
                if (memory.IsEnded) throw new ObjectDisposedException("ChangeBatch");
                return new ChangeEvent(memory, At(index), stride, relations);
            }
        }

        /// <summary>The events in order.</summary>
        public IEnumerator<ChangeEvent> GetEnumerator()
        {
            for (int i = 0; i < Count; i++) yield return this[i];
        }

        IEnumerator IEnumerable.GetEnumerator()
        {
            return GetEnumerator();
        }

        /// <summary>Gives the memory back; its events are over.</summary>
        public void Dispose()
        {
            memory.End();
        }

        internal ChangeBatch Skip(int count)
        {
            return count == 0 ? this : new ChangeBatch(this, count);
        }

        // Where the next acknowledgement would be, 0 if there is none from this event on. For the reader, which knows that the batch lives.
        internal ulong NextAckLsn(int index)
        {
            for (int i = index; i < Count; i++)
                if (At(i)->AckLsn != 0) return At(i)->AckLsn;
            return 0;
        }

        private NativeEvent* At(int index)
        {
            return (NativeEvent*)((byte*)first + (long)index * stride);
        }
    }
}
