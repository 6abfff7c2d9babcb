// A database with a slot and a publication of its own for one test, on the server that WALSTREAM_TEST_CONNINFO names
// (a superuser, wal_level=logical). All of it goes when the test is over, and slots whose names begin with the slot's and '_', too.
using System;
using System.Diagnostics;
using System.Threading;

namespace Walstream.Tests
{
    internal sealed class Live : IDisposable
    {
        private static int number;

        private readonly string server;

        internal Live(params string[] setUp)
        {
            server = Environment.GetEnvironmentVariable("WALSTREAM_TEST_CONNINFO");
            if (string.IsNullOrEmpty(server)) throw new CheckFailed("WALSTREAM_TEST_CONNINFO is not set");
            Slot = "wsn_" + Process.GetCurrentProcess().Id + "_" + Interlocked.Increment(ref number);
            using (var sql = new Sql(server)) sql.Run("CREATE DATABASE " + Slot + " TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'");
            // Of a keyword that is given twice libpq takes the last.
            Conninfo = server + " dbname=" + Slot;
            Sql = new Sql(Conninfo);
            Sql.Run("SET client_min_messages = error");
            Sql.Run(setUp);
            Sql.Run("CREATE PUBLICATION pub FOR ALL TABLES", "SELECT pg_create_logical_replication_slot('" + Slot + "', 'pgoutput')");
        }

        internal string Conninfo { get; private set; }

        internal string Slot { get; private set; }

        internal Sql Sql { get; private set; }

        internal WalStreamOptions Options
        {
            get { return new WalStreamOptions { Slot = Slot, Publication = "pub", ["messages"] = "on" }; }
        }

        internal WalStream Open()
        {
            return WalStream.Open(Conninfo, Options);
        }

        // Up to everything that was done so far.
        internal WalStream OpenUntilNow(params string[] options)
        {
            var all = Options;
            all.StopLsn = Lsn.Parse(Sql.Run("SELECT pg_current_wal_insert_lsn()"));
            for (int i = 0; i < options.Length; i += 2) all[options[i]] = options[i + 1];
            return WalStream.Open(Conninfo, all);
        }

        public void Dispose()
        {
            Sql.Dispose();
            using (var sql = new Sql(server))
            {
                string left = "FROM pg_replication_slots WHERE (slot_name = '" + Slot + "' OR starts_with(slot_name, '" + Slot + "_'))";
                Check.Eventually(delegate
                {
                    sql.Run("SELECT pg_terminate_backend(active_pid) " + left + " AND active_pid IS NOT NULL",
                        "SELECT pg_drop_replication_slot(slot_name) " + left + " AND active_pid IS NULL");
                    return sql.Run("SELECT count(*) " + left) == "0";
                }, "the slots are dropped");
                sql.Run("DROP DATABASE " + Slot + " WITH (FORCE)");
            }
        }
    }
}
