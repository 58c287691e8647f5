//! The trial of what is published. The program has to stay healthy with it for a while: then it is good, and the caller
//! keeps a copy. If it does not, and was healthy right before, the volumes go back to their good content, all of them
//! together, and what they had is barred. A newer content begins a trial of its own, and goes back to the same good one.
//! What the user has approved stays. After a restart of the agent a trial begins anew.

use super::steps::{Phase, Step};
use super::volume::{RETRY_MS, Reverted, Unhealthy, Volume};
use super::{Action, Gate, Program, Set, indices};

/// How a trial is held. The caller passes milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bake {
    /// How long the program has to stay healthy.
    pub time: u64,
    /// The time between two questions.
    pub period: u64,
    /// As many answers in a row that it is not healthy decide.
    pub failures: u32,
}

/// A trial in progress.
#[derive(Debug)]
pub(super) struct Trial {
    /// The content is good once the program is healthy at this time or later.
    until: u64,
    /// The next question.
    next: u64,
    failures: u32,
    /// The program starts: it has the time of the trial for its first healthy answer.
    is_starting: bool,
}

#[derive(PartialEq, Eq)]
enum Judgement {
    Undecided,
    Good,
    Unhealthy,
}

impl Trial {
    fn new(bake: Bake, now: u64, is_starting: bool) -> Trial {
        let until = now + bake.time;
        Trial { until, next: until.min(now + bake.period), failures: 0, is_starting }
    }

    fn answered(&mut self, bake: Bake, now: u64, is_healthy: bool) -> Judgement {
        if is_healthy && self.is_starting {
            *self = Trial::new(bake, now, false);
            return Judgement::Undecided;
        }
        self.next = now + bake.period;
        let is_over = now >= self.until;
        if !is_over {
            self.next = self.next.min(self.until);
        }
        if is_healthy {
            self.failures = 0;
            return if is_over { Judgement::Good } else { Judgement::Undecided };
        }
        self.failures += u32::from(is_over || !self.is_starting);
        if self.failures >= bake.failures { Judgement::Unhealthy } else { Judgement::Undecided }
    }
}

impl<C: Clone + PartialEq> Gate<C> {
    /// The volumes whose published content has passed, and is not known to be good.
    pub fn on_trial(&self) -> Set {
        self.bake.map_or(0, |_| self.select(Volume::is_on_trial))
    }

    /// When the trial ends, if the program stays healthy; None: there is none.
    pub fn ends_at(&self) -> Option<u64> {
        self.trial.as_ref().filter(|_| self.unhealthy.is_none()).map(|trial| trial.until)
    }

    /// When the trial's next question is due.
    pub fn ask_at(&self) -> Option<u64> {
        self.trial.as_ref().filter(|_| !self.is_good).map(|trial| trial.next)
    }

    /// The program was given what is published.
    pub fn loading(&mut self) {
        if self.program == Program::Behind {
            self.program = Program::Loading;
        }
    }

    /// The program has what is published; whether a trial begins.
    pub fn loaded(&mut self, now: u64) -> bool {
        self.program = Program::Loaded;
        if self.not_taken.take().is_some() {
            self.drop_trial();
        }
        self.is_starting &= self.on_trial() != 0;
        self.begin(now)
    }

    /// The program does not take what it was given. As long as that lasts, this is the answer to each question; whether a
    /// trial begins. A program that has what is published does not take something else.
    pub fn not_taken(&mut self, now: u64, why: impl FnOnce() -> Unhealthy) -> bool {
        if self.program != Program::Loading {
            return false;
        }
        self.not_taken.get_or_insert_with(why);
        self.begin(now)
    }

    fn begin(&mut self, now: u64) -> bool {
        let has_none = self.trial.is_none() && !self.is_busy() && self.to_revert() == 0;
        let Some(bake) = self.bake.filter(|_| has_none && self.on_trial() != 0) else { return false };
        let is_starting = core::mem::take(&mut self.is_starting) || !self.was_healthy;
        self.trial = Some(Trial::new(bake, now, is_starting));
        true
    }

    /// The trial is over. The program may still be starting.
    pub(super) fn drop_trial(&mut self) {
        self.is_starting |= self.trial.take().is_some_and(|trial| trial.is_starting);
    }

    /// The program is started again, whatever for: a trial begins anew once it has what is published.
    pub fn restarting(&mut self) {
        (self.trial, self.is_starting) = (None, true);
    }

    /// Takes the answer to the question whether the program is healthy.
    pub fn answered(&mut self, now: u64, answer: Result<(), Unhealthy>) -> Action {
        if let Phase::Asking(volumes) = self.phase {
            self.was_healthy = answer.is_ok();
            self.phase = Phase::Publishing { volumes, is_proved: true };
            return Action::Publish { volumes, is_proved: true };
        }
        let (Some(bake), Some(trial)) = (self.bake, &mut self.trial) else { return Action::Nothing };
        let answer = self.not_taken.clone().map_or(answer, Err);
        let judgement = trial.answered(bake, now, answer.is_ok());
        match answer {
            Ok(()) => {
                self.unhealthy = None;
                self.is_good = judgement == Judgement::Good;
            }
            Err(why) if judgement == Judgement::Unhealthy => self.fail(now, why),
            Err(_) => {}
        }
        Action::Nothing
    }

    /// The program has ended, and nobody is known to have ended it. It starts again with what is published; that is not to
    /// blame if the program did not have it yet.
    pub fn ended(&mut self, now: u64, why: Unhealthy) {
        self.is_starting = true;
        if self.program != Program::Behind && self.on_trial() != 0 && self.to_revert() == 0 {
            self.fail(now, why);
        }
    }

    /// The program can't live with what is published.
    fn fail(&mut self, now: u64, why: Unhealthy) {
        let failed = self.on_trial() & self.select(|volume| !volume.is_released());
        let has_good = indices(failed).all(|index| self.volumes[index].good.is_some());
        self.drop_trial();
        (self.is_good, self.act_at) = (false, now);
        if !self.was_healthy || failed == 0 || !has_good {
            self.unhealthy.get_or_insert(why);
            self.is_starting = true;
            return;
        }
        self.unhealthy = None;
        for index in indices(failed) {
            let volume = &mut self.volumes[index];
            let content = volume.published.clone();
            volume.reverted.extend(content.map(|content| Reverted { content, why: why.clone() }));
        }
    }

    /// The volumes with barred content in place of a good one: the trial has just ended, or the agent was killed then.
    pub(super) fn to_revert(&self) -> Set {
        self.select(|volume| {
            let is_barred = volume.published.as_ref().is_some_and(|published| volume.is_barred(published));
            is_barred && volume.good.is_some() && volume.good != volume.published
        })
    }

    /// Whether a trial has ended, and its end is to be carried out from `act_at` on.
    pub fn is_decided(&self) -> bool {
        self.is_good || self.to_revert() != 0
    }

    /// Carries out the end of a trial.
    pub(super) fn end_trial(&mut self) -> Action {
        let failed = self.to_revert();
        if failed != 0 {
            self.phase = Phase::Reverting;
            return Action::Revert(failed);
        }
        self.phase = Phase::Keeping;
        Action::Keep(self.on_trial())
    }

    /// The content of the volumes `done` is kept.
    pub fn kept(&mut self, now: u64, done: Set) -> Action {
        if self.phase != Phase::Keeping {
            return Action::Nothing;
        }
        for index in indices(done) {
            let volume = &mut self.volumes[index];
            volume.good.clone_from(&volume.published);
            volume.reverted.retain(|reverted| Some(&reverted.content) != volume.good.as_ref());
        }
        if self.on_trial() == 0 {
            (self.trial, self.is_good) = (None, false);
        } else {
            self.act_at = now + RETRY_MS[0];
        }
        self.advance()
    }

    /// The volumes `done` have their good content again.
    pub fn reverted(&mut self, now: u64, done: Set) -> Action {
        if self.phase != Phase::Reverting {
            return Action::Nothing;
        }
        for index in indices(done) {
            let volume = &mut self.volumes[index];
            volume.published.clone_from(&volume.good);
        }
        if done != 0 {
            (self.program, self.not_taken) = (Program::Behind, None);
        }
        if self.to_revert() != 0 {
            self.act_at = now + RETRY_MS[0];
        }
        self.then(Step::Restore(done | self.unrestored));
        self.advance()
    }
}
