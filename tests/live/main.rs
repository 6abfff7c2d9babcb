//! Live tests: through the C ABI, against real servers, each with its own database and slot.

#[path = "../fields/mod.rs"]
#[allow(dead_code, reason = "shared with tests/docs.rs, each uses a part")]
mod fields;
mod support;

mod alive;
mod as_sent;
mod assembled;
mod ddl;
mod errors;
mod hostile;
mod hostile_end;
mod hostile_start;
mod idle;
mod names;
mod pacing;
mod plugins;
mod prepared;
mod publications;
mod reconnect;
mod rules;
mod secrets;
mod slot_made;
mod soak;
mod spill;
mod standby;
mod streamed;
mod tls;
mod two_phase;
mod types;
mod values;
