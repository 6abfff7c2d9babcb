// OIDs of the built-in types that .NET has a type for.
namespace Walstream.Native
{
    internal static class PgType
    {
        internal const uint Bool = 16;
        internal const uint Bytea = 17;
        internal const uint Int8 = 20;
        internal const uint Int2 = 21;
        internal const uint Int4 = 23;
        internal const uint Text = 25;
        internal const uint Oid = 26;
        internal const uint Xid = 28;
        internal const uint Cid = 29;
        internal const uint Float4 = 700;
        internal const uint Float8 = 701;
        internal const uint Date = 1082;
        internal const uint Timestamp = 1114;
        internal const uint TimestampTz = 1184;
        internal const uint Numeric = 1700;
        internal const uint Uuid = 2950;

        // From here on types are made by users.
        private const uint FirstUserType = 16384;

        // A domain has an OID of its own and its base type's name. Only text is read as the base type's: a type of a user
        // that happens to have the name, too, either reads as one or is refused; its binary form could be anything.
        internal static uint Effective(Column column, ValueKind kind)
        {
            if (column.TypeOid < FirstUserType || kind != ValueKind.Text) return column.TypeOid;
            switch (column.TypeName)
            {
                case "bool": return Bool;
                case "bytea": return Bytea;
                case "int8": return Int8;
                case "int2": return Int2;
                case "int4": return Int4;
                case "oid": return Oid;
                case "float4": return Float4;
                case "float8": return Float8;
                case "date": return Date;
                case "timestamp": return Timestamp;
                case "timestamptz": return TimestampTz;
                case "numeric": return Numeric;
                case "uuid": return Uuid;
                default: return column.TypeOid;
            }
        }
    }
}
