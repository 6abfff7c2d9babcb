using System;

namespace Walstream.Native
{
    internal static unsafe class Json
    {
        private const int Usual = 2048;

        // What fits into little room is written at the first try.
        internal static string Write(NativeEvent* change)
        {
            UIntPtr needed;
            byte* little = stackalloc byte[Usual];
            Call.Check(NativeMethods.walstream_event_to_json(change, little, (UIntPtr)Usual, out needed), null);
            int size = checked((int)needed);
            if (size < Usual) return Utf8.Value(little, size);
            var buffer = new byte[checked(size + 1)];
            fixed (byte* room = buffer)
            {
                Call.Check(NativeMethods.walstream_event_to_json(change, room, (UIntPtr)buffer.Length, out needed), null);
                return Utf8.Value(room, size);
            }
        }
    }
}
