using System;
using System.Collections.Generic;
using Walstream.Native;

namespace Walstream
{
    /// <summary>
    /// The values of a row, by column name or index. It lives as long as its event. A value that is NULL, or that the server did not
    /// send, has no number, text or date: ask <see cref="IsNull(int)"/> and <see cref="IsSent(int)"/> first, or take what the exception says.
    /// </summary>
    public sealed unsafe class Row
    {
        private readonly ChangeEvent owner;
        private readonly NativeValue* values;

        internal Row(ChangeEvent owner, NativeValue* values, uint count, Relation relation)
        {
            this.owner = owner;
            this.values = values;
            Count = (int)count;
            Relation = relation;
        }

        /// <summary>How many columns it has.</summary>
        public int Count { get; private set; }

        /// <summary>The table; its columns are in the order of the values.</summary>
        public Relation Relation { get; private set; }

        /// <summary>
        /// The value as .NET's nearest type (bool, short, int, long, uint, float, double, decimal, DateTime, Guid, byte[]), the text of other types,
        /// and null for NULL.
        /// </summary>
        /// <exception cref="InvalidOperationException">The server did not send it: see <see cref="IsSent(int)"/>.</exception>
        public object this[int index]
        {
            get { return IsNull(index) ? null : Keep(Sent(index).ToObject()); }
        }

        /// <summary>The value of the column with this name.</summary>
        /// <exception cref="KeyNotFoundException">There is no such column.</exception>
        public object this[string column]
        {
            get { return this[IndexOf(column)]; }
        }

        /// <summary>How the value was sent.</summary>
        public ValueKind KindOf(int index)
        {
            return Keep(At(index)->Kind);
        }

        /// <summary>How the value was sent.</summary>
        public ValueKind KindOf(string column)
        {
            return KindOf(IndexOf(column));
        }

        /// <summary>SQL NULL. A value that was not sent is not NULL.</summary>
        public bool IsNull(int index)
        {
            return KindOf(index) == ValueKind.Null;
        }

        /// <summary>SQL NULL. A value that was not sent is not NULL.</summary>
        public bool IsNull(string column)
        {
            return IsNull(IndexOf(column));
        }

        /// <summary>A large (TOAST) value that this update did not touch, and the server did not send.</summary>
        public bool IsUnchanged(int index)
        {
            return KindOf(index) == ValueKind.Unchanged;
        }

        /// <summary>A large (TOAST) value that this update did not touch, and the server did not send.</summary>
        public bool IsUnchanged(string column)
        {
            return IsUnchanged(IndexOf(column));
        }

        /// <summary>False: unchanged, or not part of the key in an old row that holds the key only.</summary>
        public bool IsSent(int index)
        {
            var kind = KindOf(index);
            return kind != ValueKind.Unchanged && kind != ValueKind.NotSent;
        }

        /// <summary>False: unchanged, or not part of the key in an old row that holds the key only.</summary>
        public bool IsSent(string column)
        {
            return IsSent(IndexOf(column));
        }

        /// <summary>The text form that the server gives; of any type unless the value is binary.</summary>
        public string GetString(int index)
        {
            return Keep(Sent(index).ToText());
        }

        /// <summary>The text form that the server gives; of any type unless the value is binary.</summary>
        public string GetString(string column)
        {
            return GetString(IndexOf(column));
        }

        /// <summary>bool</summary>
        public bool GetBoolean(int index)
        {
            return Keep(Sent(index).ToBoolean());
        }

        /// <summary>bool</summary>
        public bool GetBoolean(string column)
        {
            return GetBoolean(IndexOf(column));
        }

        /// <summary>int2, int4; int8, oid and xid that fit.</summary>
        public int GetInt32(int index)
        {
            return checked((int)GetInt64(index));
        }

        /// <summary>int2, int4; int8, oid and xid that fit.</summary>
        public int GetInt32(string column)
        {
            return GetInt32(IndexOf(column));
        }

        /// <summary>int2, int4, int8, oid, xid.</summary>
        public long GetInt64(int index)
        {
            return Keep(Sent(index).ToInt64());
        }

        /// <summary>int2, int4, int8, oid, xid.</summary>
        public long GetInt64(string column)
        {
            return GetInt64(IndexOf(column));
        }

        /// <summary>float4, float8; of integers and numeric the nearest double.</summary>
        public double GetDouble(int index)
        {
            return Keep(Sent(index).ToDouble());
        }

        /// <summary>float4, float8; of integers and numeric the nearest double.</summary>
        public double GetDouble(string column)
        {
            return GetDouble(IndexOf(column));
        }

        /// <summary>numeric and integers, with all digits.</summary>
        /// <exception cref="OverflowException">A decimal has no room for it.</exception>
        public decimal GetDecimal(int index)
        {
            return Keep(Sent(index).ToDecimal());
        }

        /// <summary>numeric and integers, with all digits.</summary>
        /// <exception cref="OverflowException">A decimal has no room for it.</exception>
        public decimal GetDecimal(string column)
        {
            return GetDecimal(IndexOf(column));
        }

        /// <summary>timestamptz in UTC; timestamp and date as they are, of no kind.</summary>
        /// <exception cref="OverflowException">infinity, or a year that DateTime does not know.</exception>
        public DateTime GetDateTime(int index)
        {
            return Keep(Sent(index).ToDateTime());
        }

        /// <summary>timestamptz in UTC; timestamp and date as they are, of no kind.</summary>
        /// <exception cref="OverflowException">infinity, or a year that DateTime does not know.</exception>
        public DateTime GetDateTime(string column)
        {
            return GetDateTime(IndexOf(column));
        }

        /// <summary>uuid</summary>
        public Guid GetGuid(int index)
        {
            return Keep(Sent(index).ToGuid());
        }

        /// <summary>uuid</summary>
        public Guid GetGuid(string column)
        {
            return GetGuid(IndexOf(column));
        }

        /// <summary>bytea</summary>
        public byte[] GetBytes(int index)
        {
            return Keep(Sent(index).ToBytes());
        }

        /// <summary>bytea</summary>
        public byte[] GetBytes(string column)
        {
            return GetBytes(IndexOf(column));
        }

        /// <summary>The bytes as they were sent, whatever type and form: see <see cref="KindOf(int)"/>.</summary>
        public byte[] GetRawBytes(int index)
        {
            Sent(index);
            return Keep(Memory.Copy(At(index)->Data, checked((int)At(index)->Size)));
        }

        /// <summary>The bytes as they were sent, whatever type and form: see <see cref="KindOf(string)"/>.</summary>
        public byte[] GetRawBytes(string column)
        {
            return GetRawBytes(IndexOf(column));
        }

        private int IndexOf(string column)
        {
            int index = Relation.IndexOf(column);
            if (index < 0) throw new KeyNotFoundException("no column " + column + " in " + Relation);
            return index;
        }

        private NativeValue* At(int index)
        {
            if ((uint)index >= (uint)Count) throw new ArgumentOutOfRangeException("index");
            return owner.Native == null ? null : values + index;
        }

        private ColumnValue Sent(int index)
        {
            var value = At(index);
            var column = Relation.Columns[index];
            switch (value->Kind)
            {
                case ValueKind.Text:
                case ValueKind.Binary: return new ColumnValue(value, column);
                case ValueKind.Null: throw new InvalidCastException("column " + column + " is NULL: ask IsNull first");
                default: throw new InvalidOperationException("column " + column + " was not sent, and is not NULL: ask IsSent first");
            }
        }

        // The memory must not be collected before the value was read from it.
        private T Keep<T>(T value)
        {
            GC.KeepAlive(owner);
            return value;
        }
    }
}
