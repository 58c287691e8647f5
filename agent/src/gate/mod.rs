//! Decides what the program may see of its gated volumes: edits, verdicts, approvals and the clock in, one action out. It
//! guarantees that only content is published that the validator has passed or the user has approved, that the newest of
//! it wins, and that a refused content is judged again: a name that is missing today may exist tomorrow. The one exception
//! is a Pod that starts with nothing published, unless it is to wait. trial.rs takes back what the program can't live with.
//! Times are milliseconds since boot. The caller performs the actions. `C` identifies a content: the caller's is a checksum.

mod action;
pub mod record;
mod steps;
mod trial;
mod volume;

pub use action::{Action, GateMode, Set, Staged, Verdict, indices};
pub use trial::Bake;
pub use volume::{Refusal, Reverted, Unhealthy, Volume};

use crate::change::SETTLE_AT_MOST_MS;
use alloc::vec::Vec;
use steps::{Phase, Step};
use trial::Trial;
use volume::RETRY_MS;

/// How far the program is with what is published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Program {
    /// It has other content.
    Behind,
    /// It was given it.
    Loading,
    /// It has it.
    Loaded,
}

/// The state machine.
#[derive(Debug)]
pub struct Gate<C> {
    mode: GateMode,
    settle: u64,
    /// The volumes.
    pub volumes: Vec<Volume<C>>,
    phase: Phase,
    /// The steps that follow, the next one last.
    steps: Vec<Step>,
    /// The first change that was not read yet.
    first_change: Option<u64>,
    /// When to read.
    read_at: Option<u64>,
    /// The volumes whose candidate may be another content than the published one, though none of them is judged: a restore
    /// has failed, or the agent has just started.
    unrestored: Set,
    /// How trials are held; None: there are none.
    bake: Option<Bake>,
    trial: Option<Trial>,
    /// The content on trial has become good, and no copy is kept yet.
    is_good: bool,
    /// How far the program is with what is published.
    program: Program,
    /// Why the program does not take what is published.
    not_taken: Option<Unhealthy>,
    /// The program is started again.
    is_starting: bool,
    /// The end of a trial is carried out no earlier.
    act_at: u64,
    /// Whether the program was healthy right before it lost its good content.
    pub was_healthy: bool,
    /// Why the program is not healthy with what is on trial, though that stays.
    pub unhealthy: Option<Unhealthy>,
}

impl<C: Clone + PartialEq> Gate<C> {
    /// Starts with what is on the disk for each volume. `settle`: milliseconds without an event before the content is read.
    pub fn new(mode: GateMode, settle: u64, volumes: Vec<Volume<C>>, now: u64) -> Gate<C> {
        let mut gate = Gate {
            mode,
            settle,
            volumes,
            phase: Phase::Idle,
            steps: Vec::new(),
            first_change: None,
            read_at: Some(now),
            unrestored: 0,
            bake: None,
            trial: None,
            is_good: false,
            program: Program::Behind,
            not_taken: None,
            is_starting: false,
            act_at: now,
            was_healthy: false,
            unhealthy: None,
        };
        gate.unrestored = gate.select(|volume| volume.published.is_some());
        gate
    }

    /// Puts what is published on trial. `was_healthy`: whether the program was healthy before it got that.
    pub fn with_trials(self, bake: Option<Bake>, was_healthy: bool) -> Gate<C> {
        Gate { bake, was_healthy, ..self }
    }

    /// Whether something is in progress.
    pub fn is_busy(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// Whether nothing is in progress, and every candidate is what is published: a command may read it.
    pub fn is_idle(&self) -> bool {
        !self.is_busy() && self.unrestored == 0
    }

    /// Whether the program can start: every volume has something published, and nothing is in progress.
    pub fn is_open(&self) -> bool {
        !self.is_busy() && self.volumes.iter().all(|volume| volume.published.is_some())
    }

    /// The time at which `tick` is due.
    pub fn deadline(&self) -> Option<u64> {
        let retries = self.volumes.iter().filter_map(|volume| Some(volume.refusal.as_ref()?.next));
        let trial = self.is_decided().then_some(self.act_at);
        if self.phase == Phase::Idle { retries.chain(self.read_at).chain(trial).min() } else { None }
    }

    /// The content of a gated volume may have changed.
    pub fn changed(&mut self, now: u64) {
        let first = *self.first_change.get_or_insert(now);
        self.read_at = Some((now + self.settle).min(first + SETTLE_AT_MOST_MS));
        self.ask_again();
    }

    /// Something else has changed that the validator may look at, or the user wants an answer now.
    pub fn nudged(&mut self, now: u64) {
        if self.volumes.iter().any(|volume| volume.refusal.is_some() || volume.is_unproved) {
            self.ask_again();
            self.read_at.get_or_insert(now);
        }
    }

    /// The user has approved these contents of a volume, and no others.
    pub fn approve(&mut self, index: usize, contents: Vec<C>, now: u64) {
        let volume = &mut self.volumes[index];
        if volume.approved != contents {
            volume.reverted.retain(|reverted| !contents.contains(&reverted.content));
            volume.approved = contents;
            volume.release();
            self.read_at.get_or_insert(now);
        }
    }

    fn ask_again(&mut self) {
        self.volumes.iter_mut().filter_map(|volume| volume.refusal.as_mut()).for_each(|refusal| refusal.next = 0);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: u64) -> Action {
        match self.deadline() {
            Some(at) if now >= at && self.is_decided() && now >= self.act_at => self.end_trial(),
            Some(at) if now >= at => {
                (self.phase, self.read_at, self.first_change) = (Phase::Reading, None, None);
                Action::Read
            }
            _ => Action::Nothing,
        }
    }

    /// Takes the mounted content of all volumes; None for one that could not be read.
    pub fn seen(&mut self, now: u64, contents: Vec<Option<C>>) -> Action {
        if self.phase != Phase::Reading {
            return Action::Nothing;
        }
        for (volume, seen) in self.volumes.iter_mut().zip(contents) {
            let is_new = volume.refusal.as_ref().is_some_and(|refusal| Some(&refusal.content) != seen.as_ref());
            if is_new || !volume.is_wanted(&seen) {
                volume.refusal = None;
            }
            volume.seen = seen;
        }
        if self.volumes.iter().any(|volume| volume.seen.is_none()) {
            self.read_at = Some(now + RETRY_MS[0]);
        }
        let wanted = self.select(|volume| volume.is_wanted(&volume.seen));
        let approved = wanted & self.select(Volume::is_approved);
        let due = self.select(|volume| volume.refusal.as_ref().is_none_or(|refusal| refusal.next <= now));
        let unproved = wanted & !approved;
        // All together: they may need one another. Nothing is judged beside a directory that is still empty.
        let is_whole = self.volumes.iter().all(|volume| volume.seen.is_some() || volume.published.is_some());
        self.then(Step::Judge(if is_whole && unproved & due != 0 { unproved } else { 0 }));
        self.then(Step::PublishApproved(approved));
        self.then(Step::Restore(self.unrestored));
        self.advance()
    }

    fn select(&self, is_selected: impl Fn(&Volume<C>) -> bool) -> Set {
        let volumes = self.volumes.iter().enumerate();
        volumes.fold(0, |set, (index, volume)| set | u64::from(is_selected(volume)) << index)
    }
}

#[cfg(test)]
mod tests;
