// Values of every type that has a getter, in both forms.
using System;
using System.Collections.Generic;
using System.Text;

namespace Walstream.Tests
{
    internal static class ValueTests
    {
        private const string Table =
            "CREATE TABLE v (id int PRIMARY KEY, b bool, i2 int2, i4 int4, i8 int8, o oid, f4 float4, f8 float8, n numeric, t text, c varchar(9), " +
            "y bytea, u uuid, d date, ts timestamp, tz timestamptz, j jsonb, a int[])";

        private const string Insert =
            "INSERT INTO v VALUES (1, true, -2, 2147483647, -9223372036854775808, 4294967295, 1.5, 0.1, 12345.678900, 'h\u00e9', '', '\\x00ff', " +
            "'00112233-4455-6677-8899-aabbccddeeff', '2024-02-29', '1999-12-31 23:59:59.999999', '2024-06-01 12:00:00.000001+02', '{\"k\": [1]}', '{1,NULL}')";

        public static void TextFormsAreConverted()
        {
            WithRow("off", CheckRow);
        }

        public static void BinaryFormsAreConverted()
        {
            WithRow("on", row =>
            {
                Check.Equal(ValueKind.Binary, row.KindOf("i8"));
                Check.Equal(new byte[] { 0x80, 0, 0, 0, 0, 0, 0, 0 }, row.GetRawBytes("i8"));
                CheckRow(row);
            });
        }

        public static void WrongUseIsAnException()
        {
            foreach (string binary in new[] { "off", "on" })
                WithRow(binary, row =>
                {
                    Check.Throws<InvalidCastException>(() => row.GetInt64("t"));
                    Check.Throws<InvalidCastException>(() => row.GetInt64("b"));
                    Check.Throws<InvalidCastException>(() => row.GetBoolean("i4"));
                    Check.Throws<InvalidCastException>(() => row.GetDateTime("t"));
                    Check.Throws<InvalidCastException>(() => row.GetGuid("t"));
                    Check.Throws<InvalidCastException>(() => row.GetBytes("t"));
                    Check.Throws<InvalidCastException>(() => row.GetDecimal("f8"));
                    Check.Throws<InvalidCastException>(() => row.GetDouble("t"));
                    Check.Throws<OverflowException>(() => row.GetInt32("i8"));
                    Check.Throws<KeyNotFoundException>(() => row.GetString("nowhere"));
                    Check.Throws<ArgumentOutOfRangeException>(() => row.GetString(-1));
                    Check.Throws<ArgumentOutOfRangeException>(() => row.GetString(row.Count));
                });
        }

        public static void WhatHasNoRoomIsAnExceptionAndItsTextIsThere()
        {
            using (var live = new Live("CREATE TABLE v (n numeric, big numeric, many numeric, zeros numeric, d date, tz timestamptz, old date)"))
            {
                live.Sql.Run("INSERT INTO v VALUES ('NaN', 1e40, 0.12345678901234567890123456789012345, 1.00000000000000000000000000000000000, 'infinity', '-infinity', '0044-03-15 BC')");
                foreach (string binary in new[] { "off", "on" })
                    OnRow(live, binary, row =>
                    {
                        foreach (string column in new[] { "n", "big", "many" }) Check.Throws<OverflowException>(() => row.GetDecimal(column));
                        foreach (string column in new[] { "d", "tz", "old" }) Check.Throws<OverflowException>(() => row.GetDateTime(column));
                        Check.Equal(1m, row.GetDecimal("zeros"));
                        Check.Equal("NaN", row.GetString("n"));
                        Check.Equal("0.12345678901234567890123456789012345", row.GetString("many"));
                        Check.Equal("infinity", row.GetString("d"));
                        Check.Equal("0044-03-15 BC", row.GetString("old"));
                    });
            }
        }

        public static void DomainsAreReadAsTheirBaseType()
        {
            using (var live = new Live("CREATE DOMAIN pennies AS int8", "CREATE TYPE mood AS ENUM ('sad', 'glad')", "CREATE TABLE v (p pennies, m mood)"))
            {
                live.Sql.Run("INSERT INTO v VALUES (42, 'glad')");
                OnRow(live, "off", row =>
                {
                    Check.Equal(42L, row["p"]);
                    Check.Equal("glad", row["m"]);
                });
            }
        }

        public static void NullAndUnchangedAndNotSentAreToldApart()
        {
            using (var live = new Live("CREATE TABLE v (id int PRIMARY KEY, wide text, note text)", "ALTER TABLE v ALTER wide SET STORAGE EXTERNAL",
                "INSERT INTO v VALUES (1, repeat('x', 9000), 'n')"))
            {
                live.Sql.Run("UPDATE v SET note = NULL, id = 2");
                using (var stream = live.OpenUntilNow())
                    foreach (var change in stream.ReadEvents())
                    {
                        if (change.Kind != EventKind.Update) continue;
                        var row = change.NewRow;
                        Check.That(row.IsUnchanged("wide") && !row.IsSent("wide") && !row.IsNull("wide"), "wide is unchanged");
                        Check.Throws<InvalidOperationException>(() => row["wide"].ToString());
                        Check.Throws<InvalidOperationException>(() => row.GetString("wide"));
                        Check.That(row.IsNull("note") && row.IsSent("note") && row["note"] == null, "note is NULL");
                        Check.Throws<InvalidCastException>(() => row.GetString("note"));
                        Check.Equal(OldRowKind.Key, change.OldKind);
                        Check.Equal(1, change.OldRow["id"]);
                        Check.Equal(ValueKind.NotSent, change.OldRow.KindOf("note"));
                        Check.Throws<InvalidOperationException>(() => change.OldRow.GetString("note"));
                        return;
                    }
                throw new CheckFailed("there was no update");
            }
        }

        public static void LongTextComesWhole()
        {
            using (var live = new Live("CREATE TABLE v (t text, y bytea)"))
            {
                live.Sql.Run("INSERT INTO v VALUES (repeat('\u00e4\U0001F418', 5000), decode(repeat('00ff', 5000), 'hex'))");
                foreach (string binary in new[] { "off", "on" })
                    OnRow(live, binary, row =>
                    {
                        Check.Equal(new StringBuilder().Insert(0, "\u00e4\U0001F418", 5000).ToString(), row.GetString(0));
                        var bytes = row.GetBytes(1);
                        Check.That(bytes.Length == 10000 && bytes[0] == 0 && bytes[9999] == 255, "the bytes are whole");
                        Check.Equal("\\x00ff", row.GetString(1).Substring(0, 6));
                    });
            }
        }

        private static void CheckRow(Row row)
        {
            Check.Equal(true, row["b"]);
            Check.Equal((short)-2, row["i2"]);
            Check.Equal(int.MaxValue, row["i4"]);
            Check.Equal(long.MinValue, row["i8"]);
            Check.Equal(uint.MaxValue, row["o"]);
            Check.Equal(1.5f, row["f4"]);
            Check.Equal(0.1, row["f8"]);
            Check.Equal(12345.6789m, row["n"]);
            Check.Equal("12345.678900", row.GetString("n"));
            Check.Equal("h\u00e9", row["t"]);
            Check.Equal("", row["c"]);
            Check.Equal(new byte[] { 0, 255 }, (byte[])row["y"]);
            Check.Equal(new Guid("00112233-4455-6677-8899-aabbccddeeff"), row["u"]);
            Check.Equal(new DateTime(2024, 2, 29), row["d"]);
            Check.Equal(new DateTime(1999, 12, 31, 23, 59, 59).AddTicks(9999990), row["ts"]);
            Check.Equal(DateTimeKind.Unspecified, row.GetDateTime("ts").Kind);
            Check.Equal(new DateTime(2024, 6, 1, 10, 0, 0).AddTicks(10), row["tz"]);
            Check.Equal(DateTimeKind.Utc, row.GetDateTime("tz").Kind);
            Check.Equal("{\"k\": [1]}", row["j"]);
            Check.Equal("{1,NULL}", row["a"]);
            Check.Equal(-2m, row.GetDecimal("i2"));
            Check.Equal(12345.6789, row.GetDouble("n"));
            Check.Equal(-2, row.GetInt32("i2"));
        }

        private static void WithRow(string binary, Action<Row> check)
        {
            using (var live = new Live(Table))
            {
                live.Sql.Run(Insert);
                OnRow(live, binary, check);
            }
        }

        private static void OnRow(Live live, string binary, Action<Row> check)
        {
            using (var stream = live.OpenUntilNow("binary", binary))
                foreach (var change in stream.ReadEvents())
                {
                    if (change.Kind != EventKind.Insert) continue;
                    check(change.NewRow);
                    return;
                }
            throw new CheckFailed("there was no insert");
        }
    }
}
