//! Live tests: through the C ABI, against real servers, each with its own database and slot.

mod support;

mod as_sent;
mod assembled;
mod ddl;
mod plugins;
mod prepared;
mod publications;
mod streamed;
mod types;
