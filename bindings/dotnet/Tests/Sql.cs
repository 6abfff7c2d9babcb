// The little of libpq that the tests need to make a database and change it.
using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Walstream.Tests
{
    internal sealed class Sql : IDisposable
    {
        private const int ConnectionOk = 0;
        private const int CommandOk = 1;
        private const int TuplesOk = 2;

        private IntPtr connection;

        internal Sql(string conninfo)
        {
            connection = PQconnectdb(Bytes(conninfo));
            if (PQstatus(connection) == ConnectionOk) return;
            string message = Text(PQerrorMessage(connection));
            Dispose();
            throw new CheckFailed("cannot connect: " + message);
        }

        // One call each, so that each is a transaction of its own. The first value of the last one's result, or null.
        internal string Run(params string[] commands)
        {
            string value = null;
            foreach (string command in commands) value = RunOne(command);
            return value;
        }

        public void Dispose()
        {
            if (connection != IntPtr.Zero) PQfinish(connection);
            connection = IntPtr.Zero;
        }

        private string RunOne(string command)
        {
            IntPtr result = PQexec(connection, Bytes(command));
            try
            {
                int status = PQresultStatus(result);
                if (status != CommandOk && status != TuplesOk) throw new CheckFailed(command + ": " + Text(PQerrorMessage(connection)));
                return PQntuples(result) == 0 || PQgetisnull(result, 0, 0) != 0 ? null : Text(PQgetvalue(result, 0, 0));
            }
            finally
            {
                PQclear(result);
            }
        }

        private static byte[] Bytes(string text)
        {
            return Encoding.UTF8.GetBytes(text + "\0");
        }

        private static string Text(IntPtr text)
        {
            int size = 0;
            while (Marshal.ReadByte(text, size) != 0) size++;
            var bytes = new byte[size];
            Marshal.Copy(text, bytes, 0, size);
            return Encoding.UTF8.GetString(bytes);
        }

        private const string Library = "libpq.so.5";

        [DllImport(Library)]
        private static extern IntPtr PQconnectdb(byte[] conninfo);

        [DllImport(Library)]
        private static extern int PQstatus(IntPtr connection);

        [DllImport(Library)]
        private static extern IntPtr PQerrorMessage(IntPtr connection);

        [DllImport(Library)]
        private static extern void PQfinish(IntPtr connection);

        [DllImport(Library)]
        private static extern IntPtr PQexec(IntPtr connection, byte[] command);

        [DllImport(Library)]
        private static extern int PQresultStatus(IntPtr result);

        [DllImport(Library)]
        private static extern int PQntuples(IntPtr result);

        [DllImport(Library)]
        private static extern int PQgetisnull(IntPtr result, int row, int column);

        [DllImport(Library)]
        private static extern IntPtr PQgetvalue(IntPtr result, int row, int column);

        [DllImport(Library)]
        private static extern void PQclear(IntPtr result);
    }
}
