//! Options of streams to come.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::error::{Error, c_text};
use super::guard::{self, guard};
use crate::model::Code;
use crate::stream::Options;
use crate::stream::log::{Level, Sink};
use crate::stream::options::{OptionSpec, TABLE};

/// Options of streams to come. Copied by walstream_open: change, reuse or free it afterwards.
#[derive(Default)]
pub struct Config {
    pub(super) options: Options,
    log: Option<Callback>,
    /// What walstream_config_get gave out.
    given: Mutex<HashMap<String, CString>>,
}

/// level: 0 error, 1 warning, 2 info, 3 debug. message lives for the call and has no newline. Called on the stream's thread, or on
/// a host's inside a walstream function, never two at once for one stream, never after walstream_free of it returned. Must not
/// throw or long-jump, nor call a walstream function on that stream other than wake.
pub type LogFn = Option<unsafe extern "C" fn(user: *mut c_void, level: i32, message: *const c_char)>;

/// One row of the option table. Static.
#[repr(C)]
#[derive(Debug)]
pub struct OptionRow {
    /// sizeof of the library's walstream_option.
    pub struct_size: u32,
    /// 0
    pub reserved: u32,
    /// As walstream_config_set takes it.
    pub name: *const c_char,
    /// In force when it is not set.
    pub default_value: *const c_char,
    /// What walstream_config_set accepts, for a person.
    pub allowed: *const c_char,
    /// What it does.
    pub help: *const c_char,
}

// SAFETY: the pointers are to static text.
unsafe impl Send for OptionRow {}
// SAFETY: as above.
unsafe impl Sync for OptionRow {}

#[derive(Clone, Copy)]
struct Callback {
    function: unsafe extern "C" fn(*mut c_void, i32, *const c_char),
    user: *mut c_void,
}

// SAFETY: by contract the host's function may be called on any thread, with its `user`.
unsafe impl Send for Callback {}

impl Callback {
    fn call(&self, level: Level, message: &str) {
        let message = c_text(message);
        // SAFETY: by contract callable as long as the stream lives; the message lives for the call.
        unsafe { (self.function)(self.user, level as i32, message.as_ptr()) };
    }
}

impl Config {
    pub(super) fn sink(&self) -> Option<Sink> {
        let callback = self.log?;
        Some(Box::new(move |level, message| callback.call(level, message)))
    }
}

/// NULL when out of memory.
#[unsafe(no_mangle)]
pub extern "C" fn walstream_config_new() -> *mut Config {
    guard::or(null_mut(), || Box::into_raw(Box::default()))
}

/// value NULL: back to the default. An unknown key or bad value is E_ARGUMENT, the message names what is allowed. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_config_set(
    config: *mut Config,
    key: *const c_char,
    value: *const c_char,
    error: *mut *mut Error,
) -> i32 {
    guard(error, || {
        // SAFETY: NULL or a config of ours, which by contract one thread uses at a time.
        let config = unsafe { config.as_mut() }.ok_or_else(|| guard::null("config"))?;
        let key = guard::text(key, "key")?;
        let value = if value.is_null() { None } else { Some(guard::text(value, "value")?) };
        config.options.set(key, value)?;
        Ok(Code::OK)
    })
}

/// The option as it was set, or its default; NULL for an unknown key, or a plugin.NAME that is not set. Lives until the option
/// is asked for again or the config freed. One thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_config_get(config: *const Config, key: *const c_char) -> *const c_char {
    guard::or(null(), || {
        // SAFETY: NULL or a config of ours.
        let Some(config) = (unsafe { config.as_ref() }) else { return null() };
        let Ok(key) = guard::text(key, "key") else { return null() };
        let Some(value) = config.options.get(key) else { return null() };
        let mut given = config.given.lock().unwrap_or_else(PoisonError::into_inner);
        let text = given.entry(key.to_owned()).or_default();
        *text = c_text(value);
        text.as_ptr()
    })
}

/// NULL turns it off. user must outlive every stream opened with this config.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_config_set_log(config: *mut Config, log: LogFn, user: *mut c_void) -> i32 {
    guard(null_mut(), || {
        // SAFETY: NULL or a config of ours, which by contract one thread uses at a time.
        let config = unsafe { config.as_mut() }.ok_or_else(|| guard::null("config"))?;
        config.log = log.map(|function| Callback { function, user });
        Ok(Code::OK)
    })
}

/// NULL is fine. Streams opened with it live on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_config_free(config: *mut Config) {
    guard::quietly(|| {
        if !config.is_null() {
            // SAFETY: by contract a config of ours, not freed before.
            drop(unsafe { Box::from_raw(config) });
        }
    });
}

/// Row `index` of the option table, NULL behind the last. Static. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn walstream_option_at(index: u32) -> *const OptionRow {
    static ROWS: OnceLock<Vec<OptionRow>> = OnceLock::new();
    guard::or(null(), || {
        let rows = ROWS.get_or_init(|| TABLE.iter().map(row).collect());
        rows.get(index as usize).map_or(null(), |row| row)
    })
}

fn row(spec: &OptionSpec) -> OptionRow {
    OptionRow {
        struct_size: size_of::<OptionRow>() as u32,
        reserved: 0,
        name: spec.name.as_ptr(),
        default_value: spec.default.as_ptr(),
        allowed: spec.allowed.as_ptr(),
        help: spec.help.as_ptr(),
    }
}
