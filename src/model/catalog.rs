//! Which definitions hold at this point of the stream, told by Relation and Type messages.
//!
//! Owns the current definition of each relation and the names of user-made types. A definition that is announced
//! again unchanged (the server does that after any invalidation) stays the same one, with the same version.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::sync::Arc;

use super::relation::{ColumnDefinition, Definition, RelationDef};
use super::{OutOfMemory, builtin_types, text};
use crate::wire;

/// One scope of definitions: the stream's, or an unfinished streamed transaction's own (`as-sent`).
#[derive(Debug, Default)]
pub struct Catalog {
    relations: HashMap<u32, Entry>,
    types: HashMap<u32, Box<[u8]>>,
    connection: u64,
    /// The relation of the last row: rows of one table mostly come together.
    last: Option<Arc<RelationDef>>,
    /// Definitions that came after the one that now holds for their table, until `settle`.
    newer: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    definition: Arc<RelationDef>,
    /// On which connection it was announced last.
    connection: u64,
    /// Was the host told of it?
    told: bool,
    /// When it came, among all that did: transactions commit in another order.
    arrival: u64,
}

/// A definition that rows are to be read under.
#[derive(Debug)]
pub struct Lookup<'a> {
    /// It holds until the next Relation message for its table.
    pub definition: &'a Arc<RelationDef>,
    /// True once for each definition: the host is to be told before its first row.
    pub news: bool,
}

impl Catalog {
    /// A new START_REPLICATION: the server announces each relation again before its rows, and rows of one that it did
    /// not announce are an error. The old definitions stay for comparison.
    pub fn start_connection(&mut self) {
        self.connection += 1;
        self.last = None;
        self.newer.clear();
    }

    /// Takes in a Relation message. `outer` is the scope that this one is inside of. `arrival` counts the definitions in the
    /// order in which the server sent them; one that was held back meanwhile holds until `settle`, if there is a newer one.
    pub fn announce_relation(
        &mut self,
        payload: &[u8],
        message: &wire::Relation,
        outer: Option<&Catalog>,
        arrival: u64,
    ) -> Result<(), OutOfMemory> {
        let definition = self.definition_of(payload, message, outer);
        let oid = message.oid.0;
        let known = self.relations.get(&oid).or_else(|| outer?.relations.get(&oid));
        let connection = self.connection;
        let entry = match known {
            Some(known) if known.definition.matches(&definition) => {
                let definition = Arc::clone(&known.definition);
                Entry { definition, connection, told: known.told, arrival: arrival.max(known.arrival) }
            }
            _ => {
                let definition = Arc::new(RelationDef::new(&definition)?);
                Entry { definition, connection, told: false, arrival }
            }
        };
        if let Some(newer) = self.adopt(entry).filter(|before| before.arrival > arrival) {
            self.newer.push(newer);
        }
        Ok(())
    }

    /// Makes a definition the one that holds; gives back the one that did.
    fn adopt(&mut self, entry: Entry) -> Option<Entry> {
        self.last = None;
        self.relations.insert(entry.definition.relation().oid, entry)
    }

    /// Is there none for this table that came later?
    fn is_latest(&self, entry: &Entry) -> bool {
        let known = self.relations.get(&entry.definition.relation().oid);
        known.is_none_or(|known| known.arrival < entry.arrival)
    }

    /// The transaction that was held back is over: what came after its definitions holds again.
    pub fn settle(&mut self) {
        for entry in std::mem::take(&mut self.newer) {
            if self.is_latest(&entry) {
                self.adopt(entry);
            }
        }
    }

    /// Takes in a Type message; tells whether it was news.
    pub fn announce_type(&mut self, payload: &[u8], message: &wire::Type, outer: Option<&Catalog>) -> bool {
        let name = message.name.of(payload);
        let oid = message.oid.0;
        let known = self.types.get(&oid).or_else(|| outer?.types.get(&oid));
        let changed = known.is_none_or(|known| **known != *name);
        self.types.insert(oid, name.into());
        changed
    }

    /// The definition under which rows of `oid` are to be read; None when this connection announced none.
    #[inline]
    pub fn relation(&mut self, oid: u32) -> Option<Lookup<'_>> {
        let same = self.last.as_ref().is_some_and(|last| last.relation().oid == oid);
        let news = if same { false } else { self.look_up(oid)? };
        let definition = self.last.as_ref()?;
        Some(Lookup { definition, news })
    }

    /// Another one than the last row's becomes the last; is it news?
    #[inline(never)]
    fn look_up(&mut self, oid: u32) -> Option<bool> {
        let entry = self.relations.get_mut(&oid).filter(|entry| entry.connection == self.connection)?;
        self.last = Some(Arc::clone(&entry.definition));
        Some(!std::mem::replace(&mut entry.told, true))
    }

    /// A streamed transaction committed: its definitions hold for all from now on (`pgoutput.c: cleanup_rel_sync_cache`),
    /// but for those that others replaced since they came.
    pub fn absorb(&mut self, inner: Catalog) {
        let connection = self.connection;
        for (_, entry) in inner.relations {
            if self.is_latest(&entry) {
                self.adopt(Entry { connection, ..entry });
            }
        }
        // The server repeats a type's name before each definition that uses it.
        self.types.extend(inner.types);
    }

    fn definition_of<'a>(
        &'a self,
        payload: &'a [u8],
        message: &wire::Relation,
        outer: Option<&'a Catalog>,
    ) -> Definition<'a> {
        let type_name = |oid: u32| -> &'a [u8] {
            match self.types.get(&oid).or_else(|| outer?.types.get(&oid)) {
                Some(name) => name,
                None => builtin_types::name(oid).as_bytes(),
            }
        };
        let column = |column: &wire::Column| ColumnDefinition {
            name: column.name.of(payload),
            type_name: type_name(column.type_oid.0),
            type_oid: column.type_oid.0,
            type_modifier: column.modifier,
            key: column.is_key(),
        };
        Definition {
            oid: message.oid.0,
            schema: text::namespace(message.schema.of(payload)),
            name: message.name.of(payload),
            replica_identity: message.replica_identity as u8,
            columns: message.columns.iter().map(column).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Message, Tag};

    fn announce(catalog: &mut Catalog, oid: u32, name: &str, outer: Option<&Catalog>, arrival: u64) {
        let mut body = oid.to_be_bytes().to_vec();
        body.extend(format!("public\0{name}\0d").bytes());
        body.extend([0, 0]);
        let Message::Relation(message) = Message::decode_body(Tag::Relation, &body, &mut ()).unwrap() else {
            panic!()
        };
        catalog.announce_relation(&body, &message, outer, arrival).unwrap();
    }

    fn seen(catalog: &mut Catalog, oid: u32) -> Option<(u64, bool)> {
        catalog.relation(oid).map(|lookup| (lookup.definition.relation().version, lookup.news))
    }

    #[test]
    fn a_definition_is_news_once_and_again_when_it_changed() {
        let mut catalog = Catalog::default();
        assert_eq!(seen(&mut catalog, 1), None);
        announce(&mut catalog, 1, "a", None, 1);
        let (first, news) = seen(&mut catalog, 1).unwrap();
        assert!(news);
        announce(&mut catalog, 1, "a", None, 2);
        assert_eq!(seen(&mut catalog, 1), Some((first, false)), "announced again, unchanged");
        announce(&mut catalog, 1, "b", None, 3);
        let (second, news) = seen(&mut catalog, 1).unwrap();
        assert!(news && second != first);
    }

    #[test]
    fn a_new_connection_must_announce_again() {
        let mut catalog = Catalog::default();
        announce(&mut catalog, 1, "a", None, 1);
        let (version, _) = seen(&mut catalog, 1).unwrap();
        catalog.start_connection();
        assert_eq!(seen(&mut catalog, 1), None);
        announce(&mut catalog, 1, "a", None, 2);
        assert_eq!(seen(&mut catalog, 1), Some((version, false)));
    }

    #[test]
    fn a_scope_keeps_its_definitions_until_it_is_absorbed() {
        let (mut outer, mut scope) = (Catalog::default(), Catalog::default());
        announce(&mut outer, 1, "a", None, 1);
        let (first, _) = seen(&mut outer, 1).unwrap();
        announce(&mut scope, 1, "a", Some(&outer), 2);
        assert_eq!(seen(&mut scope, 1), Some((first, false)), "the same definition in both");
        announce(&mut scope, 1, "b", Some(&outer), 3);
        let (second, _) = seen(&mut scope, 1).unwrap();
        assert_eq!(seen(&mut outer, 1), Some((first, false)));
        outer.absorb(scope);
        assert_eq!(seen(&mut outer, 1), Some((second, false)));
    }

    #[test]
    fn a_scope_does_not_bring_back_what_was_replaced_since() {
        let (mut outer, mut scope) = (Catalog::default(), Catalog::default());
        announce(&mut scope, 1, "a", Some(&outer), 1);
        announce(&mut outer, 1, "b", None, 2);
        let (second, _) = seen(&mut outer, 1).unwrap();
        assert!(seen(&mut scope, 1).is_some_and(|(first, news)| news && first != second));
        outer.absorb(scope);
        assert_eq!(seen(&mut outer, 1), Some((second, false)));
    }

    #[test]
    fn what_was_held_back_holds_until_it_is_settled() {
        let mut catalog = Catalog::default();
        announce(&mut catalog, 1, "b", None, 3);
        let (newer, _) = seen(&mut catalog, 1).unwrap();
        announce(&mut catalog, 1, "a", None, 1);
        announce(&mut catalog, 1, "a", None, 2);
        assert!(seen(&mut catalog, 1).is_some_and(|(older, news)| news && older != newer));
        catalog.settle();
        assert_eq!(seen(&mut catalog, 1), Some((newer, false)));
        announce(&mut catalog, 1, "a", None, 2);
        announce(&mut catalog, 1, "c", None, 4);
        let (latest, _) = seen(&mut catalog, 1).unwrap();
        catalog.settle();
        assert_eq!(seen(&mut catalog, 1), Some((latest, false)), "it brought a newer one still");
    }

    /// It is told once, whichever of the two is told.
    #[test]
    fn what_was_held_back_and_is_the_same_replaces_nothing() {
        let mut catalog = Catalog::default();
        announce(&mut catalog, 1, "a", None, 2);
        announce(&mut catalog, 1, "a", None, 1);
        let (version, news) = seen(&mut catalog, 1).unwrap();
        assert!(news);
        catalog.settle();
        assert_eq!(seen(&mut catalog, 1), Some((version, false)));
    }
}
