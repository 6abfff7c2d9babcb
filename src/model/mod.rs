//! What a host sees: events, values, relations and the batches that own them, laid out for C.
//!
//! Owns the memory behind every public pointer and the only places that write it. Knows nothing of connections
//! or transactions. `unsafe` stays inside this floor: what it offers upwards is safe.

pub mod arena;
pub mod backup;
pub mod batch;
pub mod builder;
pub mod builtin_types;
pub mod catalog;
pub mod code;
pub mod convert;
pub mod event;
pub mod fields;
pub mod json;
pub mod relation;
pub mod sink;
pub mod text;
pub mod value;
pub mod view;

pub use batch::Batch;
pub use builder::BatchBuilder;
pub use catalog::Catalog;
pub use code::{Code, State};
pub use event::{Event, EventFlag, Kind, OldKind};
pub use fields::{RowError, Tuples};
pub use relation::{Column, Relation, RelationDef};
pub use value::{Value, ValueKind};

/// An allocation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("out of memory")]
pub struct OutOfMemory;
