//! The steps of a judgement: the newest content of some volumes becomes the candidate, the validator judges it, and it is
//! published, or the candidate is again what is published. Of several volumes one may be to blame, so after a refusal each
//! is judged alone. What could not be read, written or judged is tried again.

use super::volume::RETRY_MS;
use super::{Action, Gate, GateMode, Program, Set, Staged, Verdict, indices};

/// Wait after the mounted content has moved: the kubelet is writing it.
const MOVED_MS: u64 = 100;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Judge(Set),
    PublishApproved(Set),
    PublishUnproved(Set),
    Restore(Set),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Idle,
    Reading,
    Staging { volumes: Set, is_approved: bool },
    Judging(Set),
    Asking(Set),
    Publishing { volumes: Set, is_proved: bool },
    Restoring,
    Keeping,
    Reverting,
}

impl<C: Clone + PartialEq> Gate<C> {
    /// Takes what became of the candidate.
    pub fn staged(&mut self, now: u64, staged: Staged) -> Action {
        let Phase::Staging { volumes, is_approved } = self.phase else { return Action::Nothing };
        match staged {
            Staged::Same if is_approved => self.publish(volumes, true),
            Staged::Same => {
                self.phase = Phase::Judging(volumes);
                Action::Validate
            }
            Staged::Moved => self.try_later(volumes, now + MOVED_MS),
            Staged::Failed if is_approved && volumes.count_ones() > 1 => {
                self.each_alone(volumes, Step::PublishApproved)
            }
            Staged::Failed if self.can_part(volumes) => self.each_alone(volumes, Step::Judge),
            Staged::Failed => self.try_later(volumes, now + RETRY_MS[0]),
        }
    }

    /// Takes the validator's answer.
    pub fn judged(&mut self, now: u64, verdict: Verdict) -> Action {
        let Phase::Judging(volumes) = self.phase else { return Action::Nothing };
        let old = self.select(|volume| volume.published.is_some());
        match verdict {
            Verdict::Passed => self.publish(volumes, true),
            Verdict::Unknown => self.try_later(volumes, now + RETRY_MS[0]),
            // One of them is to blame, perhaps not all.
            Verdict::Refused if self.can_part(volumes) => self.each_alone(volumes, Step::Judge),
            Verdict::Refused => {
                indices(volumes).for_each(|index| self.volumes[index].refused(now));
                if self.mode == GateMode::Publish {
                    self.then(Step::PublishUnproved(volumes & !old));
                }
                self.then(Step::Restore(volumes & old));
                self.advance()
            }
        }
    }

    /// The candidates of the volumes `done` are published. The others could not be written.
    pub fn published(&mut self, now: u64, done: Set) -> Action {
        let Phase::Publishing { volumes, is_proved } = self.phase else { return Action::Nothing };
        for index in indices(done) {
            let volume = &mut self.volumes[index];
            volume.published.clone_from(&volume.seen);
            volume.is_unproved = !is_proved;
            volume.refusal.take_if(|_| is_proved);
            volume.release();
        }
        if done != 0 {
            self.drop_trial();
            (self.is_good, self.unhealthy) = (false, None);
            (self.program, self.not_taken) = (Program::Behind, None);
        }
        if is_proved && done != 0 && self.volumes.iter().any(|volume| volume.refusal.is_some()) {
            // A refused content may have lacked this one.
            self.nudged(now);
        }
        match volumes & !done {
            0 => self.advance(),
            failed => self.try_later(failed, now + RETRY_MS[0]),
        }
    }

    /// The candidate is the published content again, except in the volumes `failed`: until they are, nothing is judged.
    pub fn restored(&mut self, now: u64, failed: Set) -> Action {
        if self.phase != Phase::Restoring {
            return Action::Nothing;
        }
        self.unrestored = failed;
        if failed != 0 {
            self.steps.clear();
            self.later(Set::MAX, now + RETRY_MS[0]);
        }
        self.advance()
    }

    pub(super) fn publish(&mut self, volumes: Set, is_proved: bool) -> Action {
        // A program that has content on trial, or still has what was taken back, was asked before that.
        if is_proved && self.bake.is_some() && self.on_trial() == 0 && self.program == Program::Loaded {
            self.phase = Phase::Asking(volumes);
            return Action::Ask;
        }
        self.phase = Phase::Publishing { volumes, is_proved };
        Action::Publish { volumes, is_proved }
    }

    /// Whether each of them can be judged without the others: the validator finds what is published of those.
    fn can_part(&self, volumes: Set) -> bool {
        volumes.count_ones() > 1 && indices(volumes).all(|index| self.volumes[index].published.is_some())
    }

    fn each_alone(&mut self, volumes: Set, step: fn(Set) -> Step) -> Action {
        indices(volumes).rev().for_each(|index| self.then(step(1 << index)));
        self.then(Step::Restore(volumes));
        self.advance()
    }

    /// Goes on without these volumes until `at`.
    fn try_later(&mut self, volumes: Set, at: u64) -> Action {
        self.later(volumes, at);
        self.then(Step::Restore(volumes));
        self.advance()
    }

    /// Reads again at `at`, and judges these volumes no earlier: a retry that was due has taken place.
    fn later(&mut self, volumes: Set, at: u64) {
        self.read_at = Some(self.read_at.map_or(at, |earlier| earlier.min(at)));
        for (_, volume) in self.volumes.iter_mut().enumerate().filter(|(index, _)| volumes >> index & 1 == 1) {
            volume.refusal.iter_mut().for_each(|refusal| refusal.next = refusal.next.max(at));
        }
    }

    pub(super) fn then(&mut self, step: Step) {
        self.steps.push(step);
    }

    pub(super) fn advance(&mut self) -> Action {
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Judge(volumes)
                | Step::PublishApproved(volumes)
                | Step::PublishUnproved(volumes)
                | Step::Restore(volumes)
                    if volumes == 0 => {}
                Step::Judge(volumes) => return self.stage(volumes, false),
                Step::PublishApproved(volumes) => return self.stage(volumes, true),
                Step::PublishUnproved(volumes) => return self.publish(volumes, false),
                Step::Restore(volumes) => {
                    self.phase = Phase::Restoring;
                    return Action::Restore(volumes);
                }
            }
        }
        self.phase = Phase::Idle;
        Action::Nothing
    }

    fn stage(&mut self, volumes: Set, is_approved: bool) -> Action {
        self.phase = Phase::Staging { volumes, is_approved };
        Action::Stage(volumes)
    }
}
