//! Messages for the host's log callback, if it set one.
//!
//! The gate around the callback is what lets `walstream_free` promise that it does not run afterwards, even when a
//! thread is left behind in a name look-up.

#![forbid(unsafe_code)]

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::error::one_line;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Level {
    /// The stream ends.
    Error = 0,
    /// It goes on, but somebody should know.
    Warning = 1,
    /// What it does.
    Info = 2,
    /// In detail.
    Debug = 3,
}

/// Takes the messages. Called under the gate: never twice at once for one stream.
pub type Sink = Box<dyn Fn(Level, &str) + Send>;

/// See the file's head.
pub struct Log {
    sink: Mutex<Option<Sink>>,
}

impl Log {
    /// Without a sink it drops everything.
    pub fn new(sink: Option<Sink>) -> Log {
        Log { sink: Mutex::new(sink) }
    }

    /// Nothing is called from now on, and nothing is being called when it returns.
    pub fn close(&self) {
        *self.sink.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Gives one message, as one line.
    pub fn write(&self, level: Level, message: impl fmt::Display) {
        let sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sink) = &*sink {
            sink(level, &one_line(&message.to_string()));
        }
    }

    /// As `write`.
    pub fn error(&self, message: impl fmt::Display) {
        self.write(Level::Error, message);
    }

    /// As `write`.
    pub fn warning(&self, message: impl fmt::Display) {
        self.write(Level::Warning, message);
    }

    /// As `write`.
    pub fn info(&self, message: impl fmt::Display) {
        self.write(Level::Info, message);
    }

    /// As `write`.
    pub fn debug(&self, message: impl fmt::Display) {
        self.write(Level::Debug, message);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}
