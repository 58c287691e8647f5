//! Counters since the agent's start.

use alloc::vec::Vec;

/// Counters since the agent's start.
#[derive(Clone, Default, Debug)]
pub struct Counters {
    /// Changes of a volume's content.
    pub changes: u64,
    /// Swaps without a change of content.
    pub unchanged: u64,
    /// Reloads that the program has confirmed.
    pub reloaded: u64,
    /// Reloads after which nothing more is known.
    pub sent: u64,
    /// Reloads without the proof that the program could have given.
    pub unconfirmed: u64,
    /// Changes that the target had read at its own start.
    pub not_needed: u64,
    /// Reloads that failed and are retried.
    pub failed: u64,
    /// Reloads that the agent refused.
    pub refused: u64,
    /// Signals sent.
    pub signals: u64,
    /// Restarts of containers and of supervised programs.
    pub restarts: u64,
    /// Targets that a signal ended.
    pub killed: u64,
    /// Validations: passed, failed.
    pub validations: [u64; 2],
    /// Trials after which good content was published again.
    pub reverts: u64,
    /// Lost symlinks that the agent put back.
    pub links_lost: u64,
    /// Starts after a panic.
    pub panics: u64,
    /// Responses to reload requests, by status code.
    pub responses: Vec<(u16, u64)>,
    /// Failed reload requests: without a response, with an unwanted one.
    pub request_errors: [u64; 2],
    /// The last reload request: whether it failed, and its duration in milliseconds.
    pub last_request: (bool, u64),
}

impl Counters {
    /// Reload requests that have ended.
    pub fn requests(&self) -> u64 {
        self.request_errors[0] + self.responses.iter().map(|(_, count)| count).sum::<u64>()
    }

    /// Counts a reload request that has ended.
    pub fn count_request(&mut self, code: Option<u16>, done: bool, milliseconds: u64) {
        if let Some(code) = code {
            match self.responses.iter_mut().find(|(known, _)| *known == code) {
                Some((_, count)) => *count += 1,
                None => self.responses.push((code, 1)),
            }
        }
        if !done {
            self.request_errors[usize::from(code.is_some())] += 1;
        }
        self.last_request = (!done, milliseconds);
    }
}
