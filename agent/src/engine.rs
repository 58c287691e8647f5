//! Decides the next action: events in, one action out. It guarantees that at most one action is in flight, that the last
//! content wins, that loaded content is not loaded again, and that a failure is retried with backoff until it succeeds or
//! newer content comes. Times are milliseconds since boot. The caller performs the actions: examine, validate, reload.

use crate::change::SETTLE_AT_MOST_MS;
use crate::errors::{Code, Problem};

/// First and longest wait before the agent looks for a missing target again.
const WAIT_MS: (u64, u64) = (100, 5_000);
/// First and longest wait before the agent retries a failed reload.
const RETRY_MS: (u64, u64) = (250, 30_000);
/// Wait after the content that was there at the start has failed its validation: the Pod may not be complete yet.
const START_RECHECK_MS: u64 = 60_000;
/// Wait after a refusal: another program, which handles the signal, may have replaced this one.
const RECHECK_MS: u64 = 30_000;

/// The caller's configuration.
#[derive(Clone, Copy, Default, Debug)]
pub struct Settings {
    /// Milliseconds without an event before the content is examined.
    pub settle: u64,
    /// Whether a validator runs before each reload.
    pub validate: bool,
    /// Whether the content at the start was judged before.
    pub is_judged: bool,
}

/// The next action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing before the next event or deadline.
    Nothing,
    /// Examine the content, then call `examined`.
    Examine,
    /// Run the validator, then call `validated`.
    Validate,
    /// Reload, then call `reloaded`.
    Reload,
}

/// Why nothing is in flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdleReason {
    /// Everything is loaded, or was handed over to the program.
    Loaded,
    /// Waiting until the volume has no more events.
    Settling,
    /// Waiting for this Pod's turn.
    Staggered,
    /// Waiting for the target to appear.
    NoTarget,
    /// Waiting for the next attempt.
    Retry,
    /// Waiting until the next restart is allowed.
    Postponed,
    /// Not loaded: waiting for newer content.
    Stopped,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Idle { reason: IdleReason, until: Option<u64> },
    Validating,
    Reloading,
}

/// The result of an examination.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Examined {
    /// The content is loaded.
    Same,
    /// The content is new, and has this digest.
    Changed(u128),
    /// The content must not be loaded.
    Unfit(Problem),
    /// The content could not be read now; a retry may succeed.
    Unreadable(Problem),
}

/// How a reload ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The target has the content, and has confirmed it.
    Done,
    /// The reload was sent to the target; nothing more can be known.
    Sent,
    /// The reload was sent to the target, which does not show that it has the content. `Done` may still follow.
    Unconfirmed(Problem),
    /// The target read the content at its own start.
    NotNeeded,
    /// The target does not exist (yet).
    NoTarget(Problem),
    /// The reload is allowed from this time on (milliseconds since boot).
    Later(u64),
    /// The reload failed; a retry may succeed.
    Failed(Problem),
    /// The agent does not reload now, for a reason that may end: another program, another user.
    Refused(Problem),
    /// The agent will not load this content.
    Final(Problem),
}

/// The state machine.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    phase: Phase,
    /// The content may have changed while an action was in flight.
    has_pending: bool,
    /// The first change that was not examined yet.
    first_change: Option<u64>,
    /// Milliseconds until this Pod's turn.
    stagger: u64,
    /// Whether the change has waited for its turn.
    has_waited: bool,
    attempts: u32,
    /// The digest that is being loaded.
    current: Option<u128>,
    /// The digest that last passed validation.
    validated: Option<u128>,
    /// Whether the loaded content has passed validation.
    is_valid: bool,
    /// Whether the content that was there at the start has failed once.
    has_failed_at_start: bool,
    random: u64,
    /// The last problem, until content is loaded.
    pub problem: Option<Problem>,
}

impl Engine {
    /// Starts with everything loaded. `random` is the seed for the jitter of retries.
    pub fn new(settings: Settings, random: u64) -> Engine {
        let phase = Phase::Idle { reason: IdleReason::Loaded, until: None };
        Engine {
            settings,
            phase,
            has_pending: false,
            first_change: None,
            stagger: 0,
            has_waited: false,
            attempts: 0,
            current: None,
            validated: None,
            is_valid: !settings.validate || settings.is_judged,
            has_failed_at_start: false,
            random: random | 1,
            problem: None,
        }
    }

    /// Why nothing is in flight; None while an action is.
    pub fn idle_reason(&self) -> Option<IdleReason> {
        match self.phase {
            Phase::Idle { reason, .. } => Some(reason),
            Phase::Validating | Phase::Reloading => None,
        }
    }

    /// Whether nothing follows at once when the action in flight ends.
    pub fn is_last(&self) -> bool {
        !self.has_pending
    }

    /// Whether a validation is in flight.
    pub fn is_validating(&self) -> bool {
        self.phase == Phase::Validating
    }

    /// Milliseconds without an event before the content is examined.
    pub fn settle(&self) -> u64 {
        self.settings.settle
    }

    /// The time at which `tick` is due.
    pub fn deadline(&self) -> Option<u64> {
        match self.phase {
            Phase::Idle { until, .. } => until,
            _ => None,
        }
    }

    /// The agent has started, and the program has the content or is about to start with it: it is validated, too.
    pub fn started(&mut self) -> Action {
        if self.is_valid {
            return Action::Nothing;
        }
        (self.phase, self.current) = (Phase::Validating, None);
        Action::Validate
    }

    /// Whether the content in flight is new to the program.
    pub fn is_new(&self) -> bool {
        self.current.is_some()
    }

    /// The content may have changed.
    pub fn changed(&mut self, now: u64) -> Action {
        match self.phase {
            Phase::Validating | Phase::Reloading => self.has_pending = true,
            Phase::Idle { reason: IdleReason::Staggered, .. } => {}
            Phase::Idle { reason, .. } => {
                self.has_waited &= reason != IdleReason::Stopped;
                let first = *self.first_change.get_or_insert(now);
                self.idle(IdleReason::Settling, (now + self.settings.settle).min(first + SETTLE_AT_MOST_MS));
            }
        }
        self.tick(now)
    }

    /// Time has passed.
    pub fn tick(&mut self, now: u64) -> Action {
        match self.phase {
            Phase::Idle { until: Some(until), .. } if now >= until => Action::Examine,
            _ => Action::Nothing,
        }
    }

    /// Sets the milliseconds between the examination and the reload: this Pod's turn among those of its workload.
    pub fn stagger(&mut self, wait: u64) {
        self.stagger = wait;
    }

    /// The content with this digest was judged before, so no validator runs for it.
    pub fn trust(&mut self, digest: u128) {
        self.validated = Some(digest);
    }

    /// Takes the result of an examination.
    pub fn examined(&mut self, now: u64, found: Examined) -> Action {
        self.first_change = None;
        match found {
            Examined::Same if !self.is_valid => return self.started(),
            Examined::Same => self.loaded(),
            Examined::Unfit(problem) => self.stop(problem, None),
            Examined::Unreadable(problem) => self.retry(IdleReason::Retry, problem, now),
            Examined::Changed(digest) => return self.load(digest, now),
        }
        Action::Nothing
    }

    fn load(&mut self, digest: u128, now: u64) -> Action {
        if self.current != Some(digest) {
            self.current = Some(digest);
            self.attempts = 0;
        }
        if self.stagger > 0 && !self.has_waited {
            self.has_waited = true;
            self.idle(IdleReason::Staggered, now + self.stagger);
            return Action::Nothing;
        }
        if self.settings.validate && self.validated != Some(digest) {
            self.phase = Phase::Validating;
            return Action::Validate;
        }
        self.phase = Phase::Reloading;
        Action::Reload
    }

    /// Takes the validator's result. `is_same`: the content is still the content that the validator read.
    pub fn validated(&mut self, now: u64, result: Result<(), Problem>, is_same: bool) -> Action {
        if self.phase != Phase::Validating {
            return Action::Nothing;
        }
        match result {
            _ if !is_same || self.has_pending => return self.examine_again(),
            Err(problem) => {
                let is_first = self.current.is_none() && !core::mem::replace(&mut self.has_failed_at_start, true);
                self.stop(problem, is_first.then_some(now + START_RECHECK_MS));
            }
            Ok(()) if self.current.is_none() => {
                self.is_valid = true;
                self.loaded();
            }
            Ok(()) => {
                (self.validated, self.is_valid) = (self.current, true);
                self.phase = Phase::Reloading;
                return Action::Reload;
            }
        }
        self.tick(now)
    }

    /// Takes the outcome of the reload.
    pub fn reloaded(&mut self, now: u64, outcome: Outcome) -> Action {
        if !self.awaits_outcome() {
            return Action::Nothing;
        }
        match outcome {
            Outcome::Done | Outcome::Sent | Outcome::NotNeeded => self.loaded(),
            Outcome::Later(until) => {
                self.problem = None;
                self.idle(IdleReason::Postponed, until);
            }
            Outcome::NoTarget(problem) => self.retry(IdleReason::NoTarget, problem, now),
            Outcome::Failed(problem) => self.retry(IdleReason::Retry, problem, now),
            Outcome::Refused(problem) => self.stop(problem, Some(now + RECHECK_MS)),
            Outcome::Final(problem) | Outcome::Unconfirmed(problem) => self.stop(problem, None),
        }
        if self.has_pending { self.examine_again() } else { Action::Nothing }
    }

    /// Whether a reload is in flight, or still lacks its proof.
    pub fn awaits_outcome(&self) -> bool {
        let is_unconfirmed = |problem: &Problem| problem.code == Code::Unconfirmed;
        let is_stopped = self.idle_reason() == Some(IdleReason::Stopped);
        self.phase == Phase::Reloading || is_stopped && self.problem.as_ref().is_some_and(is_unconfirmed)
    }

    /// Stops with a problem, until newer content comes or until `until`.
    pub fn stop(&mut self, problem: Problem, until: Option<u64>) {
        self.problem = Some(problem);
        self.phase = Phase::Idle { reason: IdleReason::Stopped, until };
    }

    fn loaded(&mut self) {
        self.phase = Phase::Idle { reason: IdleReason::Loaded, until: None };
        (self.attempts, self.has_waited, self.current, self.problem) = (0, false, None, None);
    }

    fn examine_again(&mut self) -> Action {
        self.has_pending = false;
        self.idle(IdleReason::Settling, 0);
        Action::Examine
    }

    fn idle(&mut self, reason: IdleReason, until: u64) {
        self.phase = Phase::Idle { reason, until: Some(until) };
    }

    fn retry(&mut self, reason: IdleReason, problem: Problem, now: u64) {
        let (first, most) = if reason == IdleReason::NoTarget { WAIT_MS } else { RETRY_MS };
        let wait = first.saturating_mul(1 << self.attempts.min(16)).min(most);
        self.attempts += 1;
        self.problem = Some(problem);
        let jitter = self.jitter(wait / 2);
        self.idle(reason, now + wait * 3 / 4 + jitter);
    }

    /// xorshift64: good enough to spread the retries of many Pods.
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
