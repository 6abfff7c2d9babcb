// Managed relations by their version, so that a definition is read from native memory once and not for each row.
using System.Collections.Generic;

namespace Walstream.Native
{
    internal sealed class RelationCache
    {
        // A stream of a database whose tables change without end must not grow without end.
        private const int Limit = 4096;

        private readonly Dictionary<ulong, Relation> relations = new Dictionary<ulong, Relation>();

        internal unsafe Relation Find(NativeRelation* native)
        {
            if (native == null) return null;
            lock (relations)
            {
                Relation relation;
                if (relations.TryGetValue(native->Version, out relation)) return relation;
                if (relations.Count >= Limit) relations.Clear();
                relation = new Relation(native);
                relations.Add(native->Version, relation);
                return relation;
            }
        }
    }
}
