//! Live tests: through the C ABI, against real servers, each with its own database and slot.

mod support;

mod assembled;
