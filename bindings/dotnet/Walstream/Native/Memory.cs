using System;
using System.Runtime.InteropServices;

namespace Walstream.Native
{
    internal static unsafe class Memory
    {
        internal static byte[] Copy(byte* data, int size)
        {
            var bytes = new byte[size];
            if (size > 0) Marshal.Copy(new IntPtr(data), bytes, 0, size);
            return bytes;
        }
    }
}
