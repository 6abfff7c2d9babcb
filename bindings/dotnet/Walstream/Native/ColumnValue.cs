// One value as .NET's types. The library converts both forms; what it refuses, or .NET has no room for, is an exception.
using System;
using System.Globalization;

namespace Walstream.Native
{
    internal unsafe struct ColumnValue
    {
        private const int Usual = 512;
        private const int UuidSize = 16;
        private static readonly DateTime UnixEpoch = new DateTime(1970, 1, 1);

        private readonly NativeValue* value;
        private readonly Column column;
        private readonly uint type;

        internal ColumnValue(NativeValue* value, Column column)
        {
            this.value = value;
            this.column = column;
            type = PgType.Effective(column, value->Kind);
        }

        internal bool ToBoolean()
        {
            int result;
            return Converted(NativeMethods.walstream_value_to_bool(value, type, out result), "bool", result != 0);
        }

        internal long ToInt64()
        {
            long result;
            return Converted(NativeMethods.walstream_value_to_int64(value, type, out result), "integer", result);
        }

        internal double ToDouble()
        {
            double result;
            return Converted(NativeMethods.walstream_value_to_double(value, type, out result), "double", result);
        }

        internal decimal ToDecimal()
        {
            if (type != PgType.Numeric && type != PgType.Int2 && type != PgType.Int4 && type != PgType.Int8) throw Refused("decimal");
            string text = ToText();
            decimal result;
            if (!decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out result) ||
                Canonical(result.ToString(CultureInfo.InvariantCulture)) != Canonical(text))
                throw new OverflowException("column " + column + ": a decimal cannot hold " + text + "; GetString gives all digits");
            return result;
        }

        // timestamptz in UTC; timestamp and date without a kind.
        internal DateTime ToDateTime()
        {
            long microseconds;
            Converted(NativeMethods.walstream_value_to_timestamp_us(value, type, out microseconds), "date and time", 0);
            long first = (DateTime.MinValue - UnixEpoch).Ticks / 10, last = (DateTime.MaxValue - UnixEpoch).Ticks / 10;
            if (microseconds < first || microseconds > last)
                throw new OverflowException("column " + column + ": a DateTime goes from the year 1 to 9999 and has no infinity; GetString gives the value");
            var result = UnixEpoch.AddTicks(microseconds * 10);
            return type == PgType.TimestampTz ? DateTime.SpecifyKind(result, DateTimeKind.Utc) : result;
        }

        internal Guid ToGuid()
        {
            byte* bytes = stackalloc byte[UuidSize];
            Converted(NativeMethods.walstream_value_to_uuid(value, type, bytes), "uuid", 0);
            // A Guid's first three parts are numbers, a uuid's bytes are in the order of its text.
            return new Guid((uint)(bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3]), (ushort)(bytes[4] << 8 | bytes[5]),
                (ushort)(bytes[6] << 8 | bytes[7]), bytes[8], bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
        }

        internal byte[] ToBytes()
        {
            UIntPtr needed;
            Converted(NativeMethods.walstream_value_to_bytes(value, type, null, UIntPtr.Zero, out needed), "bytes", 0);
            var bytes = new byte[checked((int)needed)];
            fixed (byte* room = bytes)
                Converted(NativeMethods.walstream_value_to_bytes(value, type, room, needed, out needed), "bytes", 0);
            return bytes;
        }

        internal string ToText()
        {
            if (value->Kind == ValueKind.Text) return Utf8.Value(value->Data, checked((int)value->Size));
            UIntPtr needed;
            byte* little = stackalloc byte[Usual];
            Converted(NativeMethods.walstream_value_to_text(value, type, little, (UIntPtr)Usual, out needed), "text", 0);
            int size = checked((int)needed);
            if (size < Usual) return Utf8.Value(little, size);
            var buffer = new byte[checked(size + 1)];
            fixed (byte* room = buffer)
            {
                Converted(NativeMethods.walstream_value_to_text(value, type, room, (UIntPtr)buffer.Length, out needed), "text", 0);
                return Utf8.Value(room, size);
            }
        }

        internal object ToObject()
        {
            switch (type)
            {
                case PgType.Bool: return ToBoolean();
                case PgType.Int2: return (short)ToInt64();
                case PgType.Int4: return (int)ToInt64();
                case PgType.Int8: return ToInt64();
                case PgType.Oid:
                case PgType.Xid:
                case PgType.Cid: return (uint)ToInt64();
                case PgType.Float4: return (float)ToDouble();
                case PgType.Float8: return ToDouble();
                case PgType.Numeric: return ToDecimal();
                case PgType.Date:
                case PgType.Timestamp:
                case PgType.TimestampTz: return ToDateTime();
                case PgType.Uuid: return ToGuid();
                case PgType.Bytea: return ToBytes();
                default: return ToText();
            }
        }

        private T Converted<T>(int code, string wanted, T result)
        {
            if (code == (int)ErrorCode.Argument) throw Refused(wanted);
            if (code < 0) throw Call.Failure(code);
            return result;
        }

        private InvalidCastException Refused(string wanted)
        {
            return new InvalidCastException("column " + column + " of type " + (column.TypeName.Length > 0 ? column.TypeName : column.TypeOid.ToString()) +
                ": its " + (value->Kind == ValueKind.Text ? "text" : "binary") + " value cannot be read as " + wanted);
        }

        // Zeros at the end of the fraction say nothing; decimal drops those that it has no room for.
        private static string Canonical(string number)
        {
            return number.IndexOf('.') < 0 ? number : number.TrimEnd('0').TrimEnd('.');
        }
    }
}
