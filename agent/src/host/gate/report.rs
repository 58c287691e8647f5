//! What the gate says: the state of each volume, and why something is not published.

use super::{Gate, Volume};
use crate::host::volume::tree::Failure;
use crate::host::{clock, log};
use agent::errors::{Code, Problem};
use agent::report::{GateReport, Held};
use alloc::format;
use rustix::io::Errno;

impl Gate {
    /// Why something is not published.
    pub fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    /// The state of a volume, by its index among all; None: it is not gated.
    pub fn report(&self, index: usize) -> Option<GateReport<'_>> {
        let at = self.volumes.iter().position(|volume| volume.index == index)?;
        let volume = &self.machine.volumes[at];
        let is_on_trial = self.machine.on_trial() >> at & 1 == 1;
        let (now, wall) = (clock::now(), clock::wall());
        let on_wall = |at: u64| wall.saturating_sub(now.saturating_sub(at));
        Some(GateReport {
            published: volume.published.as_deref(),
            is_unproved: volume.is_unproved,
            trial: self.machine.ends_at().filter(|_| is_on_trial).map(|at| wall + at.saturating_sub(now)),
            reverted: volume.barred().map(|reverted| (reverted.content.as_str(), &reverted.why)),
            unhealthy: self.machine.unhealthy.as_ref().filter(|_| is_on_trial),
            held: volume.held().map(|held| Held {
                sha256: &held.content,
                refusals: held.count,
                since: on_wall(held.since),
                last: on_wall(held.last),
                seconds: now.saturating_sub(held.since) / 1000,
            }),
        })
    }

    pub(super) fn refuse(&mut self, what: &str) {
        let effect = if self.machine.volumes.iter().all(|volume| volume.published.is_some()) {
            "the program keeps what is published"
        } else {
            "nothing is published yet"
        };
        let problem = Problem::new(Code::ValidationFailed, format!("validate {what}; {effect}"));
        log::warn("refused").string("error", &problem.message).write();
        self.problem = Some(problem);
    }

    pub(super) fn failed(&mut self, at: usize, failure: &Failure) {
        let volume = &self.volumes[at];
        let problem = match failure {
            Failure::Kernel(Errno::NOSPC | Errno::DQUOT) => Problem::new(
                Code::GateFull,
                format!(
                    "volume {}: no room for its new content; what is published stays; free the node's disk",
                    volume.name
                ),
            ),
            other => other.problem(&volume.mounted),
        };
        self.set_problem(Some(problem));
    }

    pub(super) fn set_problem(&mut self, problem: Option<Problem>) {
        if problem.is_some() {
            self.problem = problem;
        }
    }

    /// Why mounted content is not published though it has passed.
    pub(super) fn reverted(&self) -> Option<Problem> {
        let mut volumes = self.volumes.iter().zip(&self.machine.volumes);
        let (name, why) = volumes.find_map(|(one, volume)| Some((&one.name, &volume.barred()?.why)))?;
        let message = format!(
            "volume {name}: {}; the program has the last good content again; mend the new one, or approve it",
            why.reason
        );
        Some(Problem::new(Code::Reverted, message))
    }

    /// Once everything is published, and no trial waits for its end, there is no problem.
    pub(super) fn forget_problem(&mut self) {
        let is_well =
            |volume: &Volume| volume.refusal.is_none() && volume.seen.is_some() && volume.seen == volume.published;
        let is_done = self.machine.is_idle() && !self.machine.is_decided();
        self.problem.take_if(|_| is_done && self.machine.volumes.iter().all(is_well));
    }
}
