// What keeps the memory behind events: a batch of the library, or a copy of one event. Events hold it, so that the
// garbage collector cannot take it from under them.
using System;
using System.Runtime.InteropServices;

namespace Walstream.Native
{
    internal sealed class EventMemory
    {
        private readonly SafeHandle handle;
        private volatile bool ended;

        internal EventMemory(SafeHandle handle)
        {
            this.handle = handle;
        }

        internal bool IsEnded
        {
            get { return ended; }
        }

        internal void End()
        {
            ended = true;
            handle.Dispose();
        }
    }
}
