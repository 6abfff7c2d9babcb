//! The pg floor against live servers, which the tests start themselves and remove.

/// A patience of a minute that nobody cancels.
macro_rules! patience {
    () => {
        &Patience {
            wake: &EventFd::new().unwrap(),
            cancelled: &|| false,
            deadline: Some(Instant::now() + Duration::from_secs(60)),
        }
    };
}

mod commands;
mod connecting;
mod copying;
mod server;
