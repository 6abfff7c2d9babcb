//! The preflight's functions.

use std::ffi::{CString, c_char};
use std::ptr::{null, null_mut};

use super::config::Config;
use super::error::{Error, c_text};
use super::fork::Generation;
use super::guard::{self, Out, guard};
use crate::model::Code;
use crate::stream::Options;
use crate::stream::check::{self, Finding, Severity};

/// walstream_finding.severity
/// cbindgen:rename-all=prefix:WALSTREAM_SEVERITY_
#[allow(non_camel_case_types, clippy::upper_case_acronyms)]
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingSeverity {
    /// Worth knowing; nothing has to be done.
    INFO = 1,
    /// The stream runs, but something will be missing or go wrong later.
    WARNING = 2,
    /// The stream does not start, or cannot go on.
    ERROR = 3,
}

/// One thing that a check found. Lives as long as its report.
#[repr(C)]
#[derive(Debug)]
pub struct FindingRow {
    /// sizeof of the library's walstream_finding.
    pub struct_size: u32,
    /// WALSTREAM_SEVERITY_*
    pub severity: u32,
    /// What it is, for programs: "slot-missing", …; docs/check.md has them all. The same for ever; new ones may come.
    pub code: *const c_char,
    /// About what: a setting, slot, publication, table, role or process; "" where there is none.
    pub object: *const c_char,
    /// What is the case, on one line, for a person.
    pub message: *const c_char,
    /// What to do, on one line, for a person.
    pub remedy: *const c_char,
}

/// What a check found.
pub struct ReportHandle {
    rows: Vec<FindingRow>,
    /// Only kept: the rows point to them.
    _texts: Vec<[CString; 4]>,
    generation: Generation,
}

// SAFETY: the rows point to the report's own texts, which nobody writes.
unsafe impl Send for ReportHandle {}
// SAFETY: as above.
unsafe impl Sync for ReportHandle {}

impl ReportHandle {
    fn new(findings: &[Finding]) -> ReportHandle {
        let texts: Vec<_> = findings.iter().map(texts).collect();
        // A CString's text stays where it is when the CString is moved.
        let rows = findings.iter().zip(&texts).map(|(finding, texts)| row(finding, texts)).collect();
        ReportHandle { rows, _texts: texts, generation: Generation::current() }
    }
}

fn texts(finding: &Finding) -> [CString; 4] {
    [finding.rule.code(), &finding.object, &finding.message, &finding.remedy].map(c_text)
}

fn row(finding: &Finding, [code, object, message, remedy]: &[CString; 4]) -> FindingRow {
    let severity = match finding.severity {
        Severity::Info => FindingSeverity::INFO,
        Severity::Warning => FindingSeverity::WARNING,
        Severity::Error => FindingSeverity::ERROR,
    };
    FindingRow {
        struct_size: size_of::<FindingRow>() as u32,
        severity: severity as u32,
        code: code.as_ptr(),
        object: object.as_ptr(),
        message: message.as_ptr(),
        remedy: remedy.as_ptr(),
    }
}

/// Would a stream with this conninfo and config run, and run well? Connects as one would, looks at server, role, slot, publications and
/// tables, and changes nothing: no slot is made, moved or taken. config NULL: all defaults. Whatever is found is in *report, also that
/// the server refuses replication to this role or address; OK says only that there was something to look through. An error
/// (E_CONNECT, E_AUTH, …) is what walstream_start would return: nothing answered, or not to this user and password. May wait: for
/// connect_timeout_ms on each of up to three connections, and for as long on their answers. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_check(
    conninfo: *const c_char,
    config: *const Config,
    report: *mut *mut ReportHandle,
    error: *mut *mut Error,
) -> i32 {
    let out = Out::new(report, null_mut());
    guard(error, || {
        let place = out.get("report")?;
        let conninfo = guard::text(conninfo, "conninfo")?;
        // SAFETY: NULL or a config of ours, which by contract one thread uses at a time.
        let options =
            unsafe { config.as_ref() }.map_or_else(Options::default, |config| config.options.clone());
        let found = ReportHandle::new(&check::check(conninfo, &options)?);
        // SAFETY: `Out` checked it.
        unsafe { place.write(Box::into_raw(Box::new(found))) };
        Ok(Code::OK)
    })
}

/// How many findings. NULL: 0. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_report_count(report: *const ReportHandle) -> usize {
    // SAFETY: NULL or a report of ours that by contract is not freed.
    guard::or(0, || unsafe { report.as_ref() }.map_or(0, |report| report.rows.len()))
}

/// Finding `index`, the worst ones first; NULL behind the last. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_report_finding(
    report: *const ReportHandle,
    index: usize,
) -> *const FindingRow {
    guard::or(null(), || {
        // SAFETY: NULL or a report of ours that by contract is not freed.
        let rows = unsafe { report.as_ref() }.map_or([].as_slice(), |report| &report.rows);
        rows.get(index).map_or(null(), std::ptr::from_ref)
    })
}

/// NULL is fine. Ends its findings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_report_free(report: *mut ReportHandle) {
    guard::quietly(|| {
        // SAFETY: NULL or a report of ours that by contract was not freed before.
        let Some(handle) = (unsafe { report.as_ref() }) else { return };
        if handle.generation.is_ours() {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(report) });
        }
    });
}
