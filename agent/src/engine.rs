//! What to do next: events in, one thing to do out. Promises: one thing in flight; the last content wins; content that
//! is already loaded is not loaded again; a failure is retried with backoff until it succeeds or newer content comes.
//! Times are milliseconds since boot. Looking at the content, validating and reloading themselves are the caller's.

use crate::change::SETTLE_AT_MOST_MS;
use crate::errors::Problem;

/// A target that is not there is looked for again after 100 ms, then less and less often.
const WAIT_MS: (u64, u64) = (100, 5_000);
/// A failed reload is tried again after 250 ms, then less and less often.
const RETRY_MS: (u64, u64) = (250, 30_000);
/// A refusal is looked at again: the program may have been replaced by one that handles the signal.
const RECHECK_MS: u64 = 30_000;

/// How the caller is configured.
#[derive(Clone, Copy, Default, Debug)]
pub struct Settings {
    /// Quiet time before the content is looked at.
    pub settle: u64,
    /// Whether new content is validated first.
    pub validate: bool,
}

/// What to do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Do {
    /// Nothing before the next event or deadline.
    Nothing,
    /// Look at the content; answer with `examined`.
    Examine,
    /// Run the validator; answer with `validated`.
    Validate,
    /// Load it; answer with `reloaded`.
    Reload,
}

/// Why nothing is in flight although something may be left to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Everything is loaded.
    Loaded,
    /// Waiting for the volume to get quiet.
    Settling,
    /// Waiting for this Pod's turn.
    Stagger,
    /// Waiting for the target.
    Target,
    /// Waiting to try again.
    Retry,
    /// Waiting until it may be done again.
    Postponed,
    /// Will not be done; newer content is awaited.
    Stopped,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Resting { why: Why, until: Option<u64> },
    Validating,
    Reloading,
}

/// What the content is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Examined {
    /// What is loaded.
    Same,
    /// Something else, with a digest that stands for it.
    Changed(u128),
    /// Not to be loaded as it is.
    Unfit(Problem),
    /// Could not be read: try again.
    Unreadable(Problem),
}

/// How a reload ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The target has the content.
    Done,
    /// The target has read the content at its own start.
    NotNeeded,
    /// The target is not there (yet).
    NoTarget(Problem),
    /// It may be done from this time on (milliseconds since boot).
    Later(u64),
    /// It failed, and may succeed the next time.
    Failed(Problem),
    /// It is not done now, and the reason may go away: another program, another user.
    Refused(Problem),
    /// It will not be done for this content.
    Final(Problem),
}

/// The machine.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    phase: Phase,
    /// More may have changed while something was in flight.
    pending: bool,
    first_change: Option<u64>,
    stagger: u64,
    staggered: bool,
    attempts: u32,
    current: Option<u128>,
    validated: Option<u128>,
    random: u64,
    /// The last problem, until content is loaded.
    pub problem: Option<Problem>,
}

impl Engine {
    /// Starts with everything loaded. `random` seeds the jitter of retries.
    pub fn new(settings: Settings, random: u64) -> Engine {
        let phase = Phase::Resting { why: Why::Loaded, until: None };
        Engine {
            settings,
            phase,
            pending: false,
            first_change: None,
            stagger: 0,
            staggered: false,
            attempts: 0,
            current: None,
            validated: None,
            random: random | 1,
            problem: None,
        }
    }

    /// Why it rests; None while something is in flight.
    pub fn resting(&self) -> Option<Why> {
        match self.phase {
            Phase::Resting { why, .. } => Some(why),
            Phase::Validating | Phase::Reloading => None,
        }
    }

    /// Whether a validation is in flight.
    pub fn validating(&self) -> bool {
        self.phase == Phase::Validating
    }

    /// When `tick` is due.
    pub fn deadline(&self) -> Option<u64> {
        match self.phase {
            Phase::Resting { until, .. } => until,
            _ => None,
        }
    }

    /// The content may have changed.
    pub fn changed(&mut self, now: u64) -> Do {
        match self.phase {
            Phase::Validating | Phase::Reloading => self.pending = true,
            Phase::Resting { why: Why::Stagger, .. } => {}
            Phase::Resting { .. } => {
                let first = *self.first_change.get_or_insert(now);
                self.rest(Why::Settling, (now + self.settings.settle).min(first + SETTLE_AT_MOST_MS));
            }
        }
        self.tick(now)
    }

    /// Time has passed.
    pub fn tick(&mut self, now: u64) -> Do {
        match self.phase {
            Phase::Resting { until: Some(until), .. } if now >= until => Do::Examine,
            _ => Do::Nothing,
        }
    }

    /// Milliseconds between seeing the content that is being looked at and loading it: this Pod's place in its workload.
    pub fn stagger(&mut self, wait: u64) {
        self.stagger = wait;
    }

    /// The content has been looked at.
    pub fn examined(&mut self, now: u64, found: Examined) -> Do {
        self.first_change = None;
        match found {
            Examined::Same => self.loaded(),
            Examined::Unfit(problem) => self.stop(problem, None),
            Examined::Unreadable(problem) => self.retry(Why::Retry, problem, now),
            Examined::Changed(digest) => return self.load(digest, now),
        }
        Do::Nothing
    }

    fn load(&mut self, digest: u128, now: u64) -> Do {
        if self.current != Some(digest) {
            self.current = Some(digest);
            self.attempts = 0;
        }
        if self.stagger > 0 && !self.staggered {
            self.staggered = true;
            self.rest(Why::Stagger, now + self.stagger);
            return Do::Nothing;
        }
        if self.settings.validate && self.validated != Some(digest) {
            self.phase = Phase::Validating;
            return Do::Validate;
        }
        self.phase = Phase::Reloading;
        Do::Reload
    }

    /// The validator has ended. `same`: the content is still what it has read.
    pub fn validated(&mut self, now: u64, result: Result<(), Problem>, same: bool) -> Do {
        if self.phase != Phase::Validating {
            return Do::Nothing;
        }
        match result {
            _ if !same || self.pending => return self.again(),
            Err(problem) => self.stop(problem, None),
            Ok(()) => {
                self.validated = self.current;
                self.phase = Phase::Reloading;
                return Do::Reload;
            }
        }
        self.tick(now)
    }

    /// The reload has ended.
    pub fn reloaded(&mut self, now: u64, outcome: Outcome) -> Do {
        if self.phase != Phase::Reloading {
            return Do::Nothing;
        }
        match outcome {
            Outcome::Done | Outcome::NotNeeded => self.loaded(),
            Outcome::Later(until) => {
                self.problem = None;
                self.rest(Why::Postponed, until);
            }
            Outcome::NoTarget(problem) => self.retry(Why::Target, problem, now),
            Outcome::Failed(problem) => self.retry(Why::Retry, problem, now),
            Outcome::Refused(problem) => self.stop(problem, Some(now + RECHECK_MS)),
            Outcome::Final(problem) => self.stop(problem, None),
        }
        if self.pending { self.again() } else { Do::Nothing }
    }

    /// What was loaded turned out to have ended the target.
    pub fn stop(&mut self, problem: Problem, until: Option<u64>) {
        self.problem = Some(problem);
        self.phase = Phase::Resting { why: Why::Stopped, until };
    }

    fn loaded(&mut self) {
        self.phase = Phase::Resting { why: Why::Loaded, until: None };
        (self.attempts, self.staggered, self.current, self.problem) = (0, false, None, None);
    }

    fn again(&mut self) -> Do {
        self.pending = false;
        self.rest(Why::Settling, 0);
        Do::Examine
    }

    fn rest(&mut self, why: Why, until: u64) {
        self.phase = Phase::Resting { why, until: Some(until) };
    }

    fn retry(&mut self, why: Why, problem: Problem, now: u64) {
        let (first, most) = if why == Why::Target { WAIT_MS } else { RETRY_MS };
        let wait = first.saturating_mul(1 << self.attempts.min(16)).min(most);
        self.attempts += 1;
        self.problem = Some(problem);
        let jitter = self.jitter(wait / 2);
        self.rest(why, now + wait * 3 / 4 + jitter);
    }

    /// xorshift64: spreads the retries of many Pods, nothing more.
    fn jitter(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below.max(1)
    }
}

#[cfg(test)]
#[path = "engine_test.rs"]
mod tests;
