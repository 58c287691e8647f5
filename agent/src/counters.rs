//! What happened since the agent's start, counted.

use alloc::vec::Vec;

/// How often things happened since the agent's start.
#[derive(Clone, Default, Debug)]
pub struct Counters {
    /// Volumes whose content became another.
    pub changes: u64,
    /// Swaps that brought nothing new.
    pub unchanged: u64,
    /// Reloads done.
    pub reloaded: u64,
    /// Changes that the target had read at its own start.
    pub not_needed: u64,
    /// Reloads that failed and are tried again.
    pub failed: u64,
    /// Reloads not done.
    pub refused: u64,
    /// Signals sent.
    pub signals: u64,
    /// Containers, and supervised programs, ended to be started again.
    pub restarts: u64,
    /// Targets that ended of a signal.
    pub killed: u64,
    /// Validations passed and not passed.
    pub validations: [u64; 2],
    /// Lost symlinks put back.
    pub links_lost: u64,
    /// Starts after a panic.
    pub panics: u64,
    /// Answers to reload requests by status code.
    pub answers: Vec<(u16, u64)>,
    /// Reload requests without an answer, and with one that was not asked for.
    pub request_errors: [u64; 2],
    /// The last reload request: whether it failed, and its milliseconds.
    pub last_request: (bool, u64),
}

impl Counters {
    /// A reload request has ended.
    pub fn request(&mut self, code: Option<u16>, done: bool, milliseconds: u64) {
        if let Some(code) = code {
            match self.answers.iter_mut().find(|(known, _)| *known == code) {
                Some((_, count)) => *count += 1,
                None => self.answers.push((code, 1)),
            }
        }
        if !done {
            self.request_errors[usize::from(code.is_some())] += 1;
        }
        self.last_request = (!done, milliseconds);
    }
}
