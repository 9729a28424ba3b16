//! Signals: what is unfinished is removed, and then the signal ends the program as it would have.
//!
//! Not in Windows, where an interrupt leaves the file that is being written, `.lanegrad-` and six characters.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit status of a run whose reader closed the pipe, as shells have it: 128 and the number of SIGPIPE.
pub(crate) const CLOSED_PIPE: u8 = 141;

/// True if the signals of this process are the program's business, and not those of a caller of the library.
static OURS: AtomicBool = AtomicBool::new(false);

/// Lets [`watch`] handle the signals of this process.
pub(crate) fn allow() {
    OURS.store(true, Ordering::Relaxed);
}

/// Sees to it that a signal removes what is unfinished. Called before there is anything: until then the program
/// needs no handlers, and no descriptors for them, which a path could name by mistake (`/dev/fd/3`).
pub(crate) fn watch() {
    #[cfg(unix)]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        if OURS.load(Ordering::Relaxed) {
            // Without handlers a signal leaves the file.
            ONCE.call_once(|| drop(unix::handle()));
        }
    }
}

/// Ends the program as a closed pipe does by default: by SIGPIPE, and silently.
pub(crate) fn end_by_closed_pipe() -> ExitCode {
    #[cfg(unix)]
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGPIPE);
    ExitCode::from(CLOSED_PIPE)
}

#[cfg(unix)]
mod unix {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;
    use std::{fs, io, thread};

    /// Handles the signals that end the program, except for those that were ignored when it started: by `nohup`, or
    /// as a script's shell does for jobs in the background.
    pub(super) fn handle() -> io::Result<()> {
        let mut signals = Signals::new([0; 0])?;
        let handle = signals.handle();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                crate::output::remove_unfinished();
                let _ = emulate_default_handler(signal);
            }
        })?;
        // Only now that there is a thread to hear of them.
        let ignored = ignored();
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            if ignored & bit(signal) == 0 {
                handle.add_signal(signal)?;
            }
        }
        Ok(())
    }

    /// The set of signals that are ignored, as Linux says it. Other systems do not without unsafe code. There it is
    /// assumed of the two that only wishes of that kind concern: they leave the file, or are ignored.
    fn ignored() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
        set.unwrap_or(bit(SIGHUP) | bit(SIGQUIT))
    }

    fn bit(signal: i32) -> u64 {
        1 << (signal - 1)
    }
}
