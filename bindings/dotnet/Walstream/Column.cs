namespace Walstream
{
    /// <summary>A published column of a table.</summary>
    public sealed class Column
    {
        internal Column(string name, string typeName, uint typeOid, int typeModifier, bool isKey)
        {
            Name = name;
            TypeName = typeName;
            TypeOid = typeOid;
            TypeModifier = typeModifier;
            IsKey = isKey;
        }

        /// <summary>The column's name.</summary>
        public string Name { get; private set; }

        /// <summary>The type's name; "" when the server named none. A domain carries its base type's.</summary>
        public string TypeName { get; private set; }

        /// <summary>pg_type.oid</summary>
        public uint TypeOid { get; private set; }

        /// <summary>The type's modifier, -1 for none.</summary>
        public int TypeModifier { get; private set; }

        /// <summary>Part of the replica identity. Under FULL every column is: this is not the primary key.</summary>
        public bool IsKey { get; private set; }

        /// <summary>The column's name.</summary>
        public override string ToString()
        {
            return Name;
        }
    }
}
