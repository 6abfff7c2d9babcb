// The library blocks all signals on its threads. A runtime whose collector stops threads by signals (mono) would wait for ever for
// one that once ran managed code: so the log callback lets the runtimes' own signals through, and leaves the others blocked.
using System;
using System.Runtime.InteropServices;

namespace Walstream.Native
{
    internal static class RuntimeSignals
    {
        private const int Unblock = 1;
        private const int SetSize = 128;
        private const int FirstRealTime = 32;
        private const int LastRealTime = 64;

        // Which mono stops and restarts threads with, besides real-time ones (CoreCLR uses one of these).
        private const int PowerFailure = 30;
        private const int CpuLimit = 24;

        [ThreadStatic]
        private static bool done;

        internal static void LetThrough()
        {
            if (done) return;
            done = true;
            var set = new byte[SetSize];
            Add(set, PowerFailure);
            Add(set, CpuLimit);
            for (int signal = FirstRealTime; signal <= LastRealTime; signal++) Add(set, signal);
            try
            {
                pthread_sigmask(Unblock, set, IntPtr.Zero);
            }
            catch (DllNotFoundException)
            {
                // Not glibc on Linux: these numbers would mean nothing here.
            }
            catch (EntryPointNotFoundException)
            {
                // The same.
            }
        }

        private static void Add(byte[] set, int signal)
        {
            set[(signal - 1) / 8] |= (byte)(1 << (signal - 1) % 8);
        }

        [DllImport("libc.so.6", CallingConvention = CallingConvention.Cdecl)]
        private static extern int pthread_sigmask(int how, byte[] set, IntPtr old);
    }
}
