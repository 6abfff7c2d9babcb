// A clone is compared with its original through the library's JSON, which reads every field.
using System;
using System.Collections.Generic;

namespace Walstream.Tests
{
    internal static class CloneTests
    {
        public static void EveryKindIsCopiedWhole()
        {
            using (var live = new Live("CREATE TYPE mood AS ENUM ('sad')", "CREATE TABLE a (id int PRIMARY KEY, name text, mood mood, y bytea)", "ALTER TABLE a REPLICA IDENTITY FULL",
                "CREATE TABLE b (id int)"))
            {
                live.Sql.Run("INSERT INTO a VALUES (1, 'x', 'sad', ''), (2, NULL, NULL, NULL)", "UPDATE a SET name = ''", "DELETE FROM a", "TRUNCATE a, b RESTART IDENTITY",
                    "SELECT pg_logical_emit_message(true, 'in', 'side'), pg_logical_emit_message(false, 'a', '\\x0001'::bytea)");
                var wanted = new List<string>();
                var clones = new List<ChangeEvent>();
                using (var stream = live.OpenUntilNow())
                    foreach (var change in stream.ReadEvents())
                    {
                        wanted.Add(change.ToJson());
                        clones.Add(change.Clone());
                    }
                var kinds = new HashSet<EventKind>();
                for (int i = 0; i < clones.Count; i++)
                {
                    kinds.Add(clones[i].Kind);
                    Check.Equal(wanted[i], clones[i].ToJson());
                    Check.Equal(wanted[i], clones[i].Clone().ToJson());
                }
                foreach (var kind in new[] { EventKind.Type, EventKind.Relation, EventKind.Insert, EventKind.Update, EventKind.Delete, EventKind.Truncate, EventKind.Message })
                    Check.That(kinds.Contains(kind), "a " + kind + " was copied");
                var truncate = clones.Find(change => change.Kind == EventKind.Truncate);
                Check.Equal(2, truncate.Relations.Count);
                Check.Equal("mood", clones.Find(change => change.Kind == EventKind.Type).TypeDetail.Name);
            }
        }

        public static void ClonesSurviveTheCollector()
        {
            using (var live = new Live("CREATE TABLE a (id int, name text)"))
            {
                live.Sql.Run("INSERT INTO a SELECT i, 'name ' || i FROM generate_series(0, 2999) i");
                var rows = new List<Row>();
                using (var stream = live.OpenUntilNow())
                    foreach (var change in stream.ReadEvents())
                        if (change.Kind == EventKind.Insert) rows.Add(change.Clone().NewRow);
                GC.Collect();
                GC.WaitForPendingFinalizers();
                Check.Equal(3000, rows.Count);
                for (int i = 0; i < rows.Count; i++) Check.Equal("name " + i, rows[i]["name"]);
            }
        }
    }
}
