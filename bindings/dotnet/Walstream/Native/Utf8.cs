// Text across the border: UTF-8 with a NUL, whatever the system's own encoding is.
using System;
using System.Text;

namespace Walstream.Native
{
    internal static unsafe class Utf8
    {
        // For values: bytes that are not UTF-8 (a SQL_ASCII database) are an error, not question marks.
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        // For names and messages: something readable, always.
        private static readonly UTF8Encoding Lenient = new UTF8Encoding(false, false);

        internal static byte[] ToNative(string text, string parameter)
        {
            if (text == null) return null;
            if (text.IndexOf('\0') >= 0) throw new ArgumentException("text with a NUL character", parameter);
            var bytes = new byte[Strict.GetByteCount(text) + 1];
            Strict.GetBytes(text, 0, text.Length, bytes, 0);
            return bytes;
        }

        internal static string Value(byte* data, int size)
        {
            return size == 0 ? "" : Strict.GetString(data, size);
        }

        internal static string Name(byte* data, uint size)
        {
            if (data == null) return null;
            return size == 0 ? "" : Lenient.GetString(data, checked((int)size));
        }

        internal static string Name(byte* data)
        {
            uint size = 0;
            while (data != null && data[size] != 0) size++;
            return Name(data, size);
        }

        internal static string Name(IntPtr data)
        {
            return Name((byte*)data);
        }
    }
}
