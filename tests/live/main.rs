//! Live tests: through the C ABI, against real servers, each with its own database and slot.

mod support;

mod alive;
mod assembled;
mod hostile;
mod hostile_end;
mod hostile_start;
mod idle;
mod reconnect;
mod soak;
mod spill;
mod standby;
mod two_phase;
mod values;
