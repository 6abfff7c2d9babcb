// From the library's codes to .NET's exceptions.
using System;

namespace Walstream.Native
{
    internal static class Call
    {
        internal const int Ok = 0;
        internal const int Timeout = 1;
        internal const int Woken = 2;
        internal const int End = 3;

        // Gives back codes that are not failures. Ends the error's life.
        internal static int Check(int code, ErrorHandle error)
        {
            using (error)
            {
                if (code >= 0) return code;
                throw Failure(code, error);
            }
        }

        // A failure without an error object: the library could not even allocate one, or the function has none.
        internal static Exception Failure(int code)
        {
            return new WalStreamException((ErrorCode)code, Utf8.Name(NativeMethods.walstream_code_name(code)), "", "", "", 0, 0);
        }

        private static unsafe Exception Failure(int code, ErrorHandle handle)
        {
            if (handle == null || handle.IsInvalid) return Failure(code);
            var error = handle.Error;
            return new WalStreamException((ErrorCode)error->Code, Utf8.Name(error->Message), Utf8.Name(error->Sqlstate),
                Utf8.Name(error->Detail), Utf8.Name(error->Hint), error->Flags, error->OsErrno);
        }
    }
}
