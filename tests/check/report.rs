//! walstream_check with Rust's types.

use std::ffi::{CStr, CString, c_char};
use std::ptr::null_mut;

use walstream::ffi::*;
use walstream::stream::check::Rule;

use crate::support::Case;
use crate::support::host::{Fault, fault};

pub const INFO: u32 = FindingSeverity::INFO as u32;
pub const WARNING: u32 = FindingSeverity::WARNING as u32;
pub const ERROR: u32 = FindingSeverity::ERROR as u32;

/// A walstream_finding, copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub severity: u32,
    pub code: String,
    pub object: String,
    pub message: String,
    pub remedy: String,
}

#[derive(Debug, PartialEq)]
pub struct Report(pub Vec<Found>);

unsafe fn text(text: *const c_char) -> String {
    // SAFETY: a C string by the header's word.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
}

impl Report {
    pub fn of(conninfo: &str, options: &[(&str, &str)]) -> Result<Report, Fault> {
        let conninfo = CString::new(conninfo).unwrap();
        let (mut report, mut error) = (null_mut(), null_mut());
        // SAFETY: as the header wants it.
        unsafe {
            let config = walstream_config_new();
            for (key, value) in options {
                let (key, value) = (CString::new(*key).unwrap(), CString::new(*value).unwrap());
                assert_eq!(walstream_config_set(config, key.as_ptr(), value.as_ptr(), null_mut()), 0);
            }
            let code = walstream_check(conninfo.as_ptr(), config, &mut report, &mut error);
            walstream_config_free(config);
            if code != 0 {
                assert!(code < 0 && report.is_null());
                return Err(fault(error));
            }
            assert!(error.is_null());
            let found = Report::copy(report);
            walstream_report_free(report);
            Ok(found)
        }
    }

    /// With a case's slot and publication.
    pub fn case(case: &Case<'_>, options: &[(&str, &str)]) -> Report {
        let mut all = vec![("slot", case.slot()), ("publication", "pub")];
        all.extend_from_slice(options);
        Report::of(&case.conninfo(), &all).unwrap()
    }

    unsafe fn copy(report: *const ReportHandle) -> Report {
        let mut found: Vec<Found> = Vec::new();
        // SAFETY: as the header wants it.
        unsafe {
            for index in 0..walstream_report_count(report) {
                let row = &*walstream_report_finding(report, index);
                assert_eq!(row.struct_size as usize, size_of::<FindingRow>());
                found.push(Found {
                    severity: row.severity,
                    code: text(row.code),
                    object: text(row.object),
                    message: text(row.message),
                    remedy: text(row.remedy),
                });
            }
            assert!(walstream_report_finding(report, found.len()).is_null());
            assert!(walstream_report_finding(report, usize::MAX).is_null());
        }
        for pair in found.windows(2) {
            assert!(pair[0].severity >= pair[1].severity, "the worst first: {found:?}");
        }
        for one in &found {
            let rule = Rule::ALL.iter().find(|rule| rule.code() == one.code);
            let severity = ["", "info", "warning", "error"][one.severity as usize];
            assert!(rule.is_some_and(|rule| rule.severities().contains(severity)), "as documented: {one:?}");
            assert!(!one.message.is_empty() && !one.remedy.is_empty(), "{one:?}");
            assert!(!format!("{}{}{}", one.message, one.remedy, one.object).contains('\n'), "{one:?}");
        }
        Report(found)
    }

    pub fn all(&self, code: &str) -> Vec<&Found> {
        assert!(Rule::ALL.iter().any(|rule| rule.code() == code), "{code}");
        self.0.iter().filter(|found| found.code == code).collect()
    }

    pub fn has(&self, code: &str) -> bool {
        !self.all(code).is_empty()
    }

    /// The one finding of this kind.
    #[track_caller]
    pub fn one(&self, code: &str, severity: u32, object: &str) -> &Found {
        match self.all(code)[..] {
            [found] => {
                assert_eq!((found.severity, found.object.as_str()), (severity, object), "{found:?}");
                found
            }
            _ => panic!("not one {code}: {self:#?}"),
        }
    }

    /// The codes of what is worse than info.
    pub fn troubles(&self) -> Vec<&str> {
        self.0.iter().filter(|found| found.severity > INFO).map(|found| found.code.as_str()).collect()
    }
}
