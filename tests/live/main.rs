//! Live tests: through the C ABI, against real servers, each with its own database and slot.

mod support;

mod alive;
mod assembled;
mod idle;
mod reconnect;
mod spill;
mod two_phase;
