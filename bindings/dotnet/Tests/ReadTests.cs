using System;
using System.Collections.Generic;
using System.Threading;

namespace Walstream.Tests
{
    internal static class ReadTests
    {
        public static void ATransactionComesInOrder()
        {
            using (var live = new Live("CREATE TABLE thing (id int PRIMARY KEY, name text)"))
            {
                live.Sql.Run("INSERT INTO thing VALUES (1, 'gr\u00fcn \U0001F418'), (2, NULL)", "UPDATE thing SET name = 'two' WHERE id = 2", "UPDATE thing SET id = 3 WHERE id = 1",
                    "DELETE FROM thing WHERE id = 2", "TRUNCATE thing CASCADE", "SELECT pg_logical_emit_message(false, 'pre', 'alone')");
                var seen = new List<string>();
                using (var stream = live.OpenUntilNow())
                    foreach (var change in stream.ReadEvents()) seen.Add(Describe(change));
                Check.Equal(string.Join("\n", new[] {
                    "Begin", "Relation thing", "Insert thing id=1 name=gr\u00fcn \U0001F418", "Insert thing id=2 name=null", "Commit ack",
                    "Begin", "Update thing id=2 name=two", "Commit ack",
                    "Begin", "Update thing id=3 name=gr\u00fcn \U0001F418 old id=1 name=?", "Commit ack",
                    "Begin", "Delete thing old id=2 name=?", "Commit ack",
                    "Begin", "Truncate thing", "Commit ack",
                    "Message pre:alone ack" }), string.Join("\n", seen.ToArray()));
            }
        }

        public static void IdentityRisesAndTheTableIsDescribed()
        {
            using (var live = new Live("CREATE TABLE thing (id int PRIMARY KEY, price numeric(10,2))"))
            {
                live.Sql.Run("INSERT INTO thing VALUES (1, 1.5), (2, 2)");
                using (var stream = live.OpenUntilNow())
                {
                    ulong seq = 0;
                    foreach (var change in stream.ReadEvents())
                    {
                        Check.That((DateTime.UtcNow - change.CommitTime.Value).Duration() < TimeSpan.FromMinutes(5), "the commit was just now");
                        Check.Equal(DateTimeKind.Utc, change.CommitTime.Value.Kind);
                        Check.That(change.Xid != 0, "the transaction has a number");
                        if (change.HasIdentity)
                        {
                            Check.That(change.Seq > seq, "seq rises");
                            seq = change.Seq;
                        }
                        if (change.Kind != EventKind.Insert) continue;
                        var table = change.Relation;
                        Check.That(table.Schema == "public" && table.Name == "thing" && table.ReplicaIdentity == 'd', "the table is " + table);
                        Check.Equal(2, table.Columns.Count);
                        Check.That(table.Columns[0].IsKey && !table.Columns[1].IsKey, "id is the key");
                        Check.Equal("numeric", table.Columns[1].TypeName);
                        Check.Equal(1700u, table.Columns[1].TypeOid);
                        Check.Equal((10 << 16 | 2) + 4, table.Columns[1].TypeModifier);
                        Check.Equal(1, table.IndexOf("price"));
                        Check.Equal(-1, table.IndexOf("Price"));
                    }
                    Check.Equal(ulong.MaxValue, seq, "the last seq");
                }
            }
        }

        public static void AnEventIsOverWhenTheNextIsRead()
        {
            using (var live = new Live("CREATE TABLE thing (id int)"))
            {
                live.Sql.Run("INSERT INTO thing VALUES (7)");
                using (var stream = live.OpenUntilNow())
                {
                    ChangeEvent kept = null, copy = null;
                    Row row = null;
                    foreach (var change in stream.ReadEvents())
                    {
                        if (change.Kind != EventKind.Insert) continue;
                        kept = change;
                        row = change.NewRow;
                        Check.Equal(7L, row.GetInt64("id"));
                        copy = change.Clone();
                    }
                    Check.Throws<InvalidOperationException>(() => kept.Kind.ToString());
                    Check.Throws<InvalidOperationException>(() => kept.Clone());
                    Check.Throws<InvalidOperationException>(() => row.GetInt64(0));
                    Check.Equal(7L, copy.NewRow.GetInt64("id"));
                }
            }
        }

        public static void BatchesHoldWhatIsReadyAndOutliveTheStream()
        {
            using (var live = new Live("CREATE TABLE thing (id int)"))
            {
                live.Sql.Run("INSERT INTO thing SELECT generate_series(1, 5000)");
                ChangeBatch first = null;
                long sum = 0;
                using (var stream = live.OpenUntilNow("batch.max_events", "1000"))
                {
                    ChangeBatch batch;
                    while ((batch = stream.ReadBatch()) != null)
                    {
                        Check.That(batch.Count > 0 && batch.Count <= 1000, "a batch has 1 to 1000 events");
                        foreach (var change in batch)
                            if (change.Kind == EventKind.Insert) sum += change.NewRow.GetInt64(0);
                        if (batch.AckLsn != Lsn.Zero) stream.Acknowledge(batch.AckLsn);
                        if (first == null) first = batch;
                        else batch.Dispose();
                    }
                    Check.Equal(12502500L, sum);
                    Check.Equal(stream.Stats.DeliveredLsn, stream.Stats.AckedLsn);
                }
                var begin = first[0];
                Check.Equal(EventKind.Begin, begin.Kind);
                first.Dispose();
                Check.Throws<InvalidOperationException>(() => begin.Kind.ToString());
                Check.Throws<ObjectDisposedException>(() => first[0].ToString());
                Check.Throws<ArgumentOutOfRangeException>(() => first[first.Count].ToString());
            }
        }

        public static void ABatchGoesOnBehindTheLastEvent()
        {
            using (var live = new Live("CREATE TABLE thing (id int)"))
            {
                live.Sql.Run("INSERT INTO thing SELECT generate_series(1, 100)");
                using (var stream = live.OpenUntilNow())
                {
                    var seen = new List<int>();
                    ChangeEvent change;
                    while (seen.Count < 10 && (change = stream.ReadEvent()) != null)
                        if (change.Kind == EventKind.Insert) seen.Add(change.NewRow.GetInt32(0));
                    ChangeBatch batch;
                    while ((batch = stream.ReadBatch()) != null)
                        using (batch)
                            foreach (var next in batch)
                                if (next.Kind == EventKind.Insert) seen.Add(next.NewRow.GetInt32(0));
                    Check.Equal(100, seen.Count);
                    for (int i = 0; i < seen.Count; i++) Check.Equal(i + 1, seen[i]);
                }
            }
        }

        public static void OnlyWhatWasReadIsAcknowledged()
        {
            using (var live = new Live("CREATE TABLE thing (id int)"))
            {
                live.Sql.Run("INSERT INTO thing VALUES (1)", "INSERT INTO thing VALUES (2)");
                Lsn position;
                using (var stream = live.Open())
                {
                    // They are ready by then, in one batch mostly: of which the library itself would allow all.
                    Check.Eventually(() => stream.Stats.Events >= 7, "both transactions are there");
                    ChangeEvent change;
                    do change = stream.ReadEvent(); while (change.AckLsn == Lsn.Zero);
                    position = change.AckLsn;
                    var failure = Check.Throws<WalStreamException>(() => stream.Acknowledge(new Lsn(position.Value + 4096)));
                    Check.Equal(ErrorCode.AckAhead, failure.Code);
                    Check.That(failure.Hint.Length > 0 && !failure.IsFatal, "it can be cured");
                    stream.Acknowledge(position);
                    Check.Equal(position, stream.Stats.AckedLsn);
                    Check.That(stream.Stop(), "it stopped in time");
                }
                Check.Equal(position.ToString(), live.Sql.Run("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '" + live.Slot + "'"));
                using (var stream = live.OpenUntilNow())
                {
                    var ids = new List<int>();
                    foreach (var change in stream.ReadEvents())
                        if (change.Kind == EventKind.Insert) ids.Add(change.NewRow.GetInt32("id"));
                    Check.Equal(new List<int> { 2 }, ids, "what was not acknowledged");
                }
            }
        }

        public static void PositionAndStatsTellWhereItStands()
        {
            using (var live = new Live("CREATE TABLE thing (id int)"))
            {
                live.Sql.Run("INSERT INTO thing VALUES (1)");
                string position;
                using (var stream = live.OpenUntilNow())
                {
                    foreach (var change in stream.ReadEvents()) stream.Acknowledge(change.AckLsn);
                    var stats = stream.Stats;
                    Check.That(stats.Events >= 4 && stats.Bytes > 0 && stats.ReceivedLsn > Lsn.Zero && stats.AckedLsn > Lsn.Zero, "it counts");
                    Check.Equal(ErrorCode.Ok, stats.LastError);
                    position = stream.Position;
                    Check.That(position.Contains(live.Sql.Run("SELECT system_identifier FROM pg_control_system()")), position + " names the server");
                }
                live.Sql.Run("INSERT INTO thing VALUES (2)");
                using (var stream = live.OpenUntilNow("start.position", position))
                {
                    foreach (var change in stream.ReadEvents())
                        if (change.Kind == EventKind.Insert) Check.Equal(2, change.NewRow["id"]);
                }
            }
        }

        public static void NothingToReadIsNoEvent()
        {
            using (var live = new Live())
            using (var stream = live.Open())
            {
                ChangeEvent change;
                ChangeBatch batch;
                Check.That(!stream.TryReadEvent(TimeSpan.Zero, out change) && change == null, "no event at once");
                Check.That(!stream.TryReadEvent(TimeSpan.FromMilliseconds(30), out change), "no event in 30 ms");
                Check.That(!stream.TryReadBatch(TimeSpan.Zero, out batch) && batch == null, "no batch");
                live.Sql.Run("SELECT pg_logical_emit_message(false, 'a', 'b')");
                Check.That(stream.TryReadEvent(Check.Patience, out change) && change.GetPayloadString() == "b", "then one");
                Check.Throws<ArgumentOutOfRangeException>(() => stream.TryReadEvent(TimeSpan.FromSeconds(-5), out change));
            }
        }

        private static string Describe(ChangeEvent change)
        {
            string text = change.Kind.ToString();
            foreach (var table in change.Relations) text += " " + table.Name;
            text += Describe(change.NewRow);
            if (change.OldRow != null) text += " old" + Describe(change.OldRow);
            if (change.Kind == EventKind.Message) text += " " + change.Name + ":" + change.GetPayloadString();
            return text + (change.AckLsn == Lsn.Zero ? "" : " ack");
        }

        private static string Describe(Row row)
        {
            string text = "";
            for (int i = 0; row != null && i < row.Count; i++)
                text += " " + row.Relation.Columns[i].Name + "=" + (row.IsSent(i) ? row[i] ?? "null" : "?");
            return text;
        }
    }
}
