using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using Walstream.Native;

namespace Walstream
{
    /// <summary>A table's published columns at one point of the stream. Immutable; keep it as long as you like.</summary>
    public sealed class Relation
    {
        private readonly Dictionary<string, int> indexes = new Dictionary<string, int>(StringComparer.Ordinal);

        internal unsafe Relation(NativeRelation* relation)
        {
            Oid = relation->Oid;
            Schema = Utf8.Name(relation->Schema, relation->SchemaLen);
            Name = Utf8.Name(relation->Name, relation->NameLen);
            ReplicaIdentity = (char)relation->ReplicaIdentity;
            Version = relation->Version;
            var columns = new Column[relation->ColumnCount];
            for (int i = 0; i < columns.Length; i++)
            {
                columns[i] = NewColumn((NativeColumn*)((byte*)relation->Columns + (long)i * relation->ColumnSize));
                indexes[columns[i].Name] = i;
            }
            Columns = new ReadOnlyCollection<Column>(columns);
        }

        /// <summary>pg_class.oid</summary>
        public uint Oid { get; private set; }

        /// <summary>The schema.</summary>
        public string Schema { get; private set; }

        /// <summary>The table.</summary>
        public string Name { get; private set; }

        /// <summary>Published columns only.</summary>
        public ReadOnlyCollection<Column> Columns { get; private set; }

        /// <summary>'d' default, 'n' nothing, 'f' full, 'i' index</summary>
        public char ReplicaIdentity { get; private set; }

        /// <summary>Names this definition in this process: equal version, equal contents.</summary>
        public ulong Version { get; private set; }

        /// <summary>Where the column with exactly this name is, -1 if there is none.</summary>
        public int IndexOf(string column)
        {
            int index;
            return indexes.TryGetValue(column, out index) ? index : -1;
        }

        /// <summary>schema.name, not quoted.</summary>
        public override string ToString()
        {
            return Schema + "." + Name;
        }

        private static unsafe Column NewColumn(NativeColumn* column)
        {
            return new Column(Utf8.Name(column->Name, column->NameLen), Utf8.Name(column->TypeName, column->TypeNameLen),
                column->TypeOid, column->TypeModifier, (column->Flags & 1) != 0);
        }
    }
}
