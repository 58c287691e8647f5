//! What happens after a change of a volume: a gated one goes through the gate first.

use super::Agent;
use crate::host::child::Ended;
use crate::host::clock;
use crate::host::methods::InFlight;
use crate::host::volume::VolumeState;
use agent::engine::IdleReason;
use agent::errors::{Code, Problem};
use agent::options::method::ReloadMethod;
use alloc::vec::Vec;

impl Agent {
    /// The content of these volumes may have changed; the index behind the last one is the Pod's annotations.
    pub fn changed(&mut self, indices: &[usize]) {
        let is_ungated = |index: &&usize| self.volumes.get(**index).is_some_and(|volume| !volume.options.gated);
        let (ungated, others): (Vec<usize>, Vec<usize>) = indices.iter().partition(is_ungated);
        if let Some(gate) = &mut self.gate {
            others
                .iter()
                .for_each(|index| if *index < self.volumes.len() { gate.changed() } else { gate.read_approvals() });
            if !ungated.is_empty() {
                gate.nudged();
            }
        }
        self.load(&ungated);
    }

    /// The program is to load what these volumes show it, and what has waited for the gate.
    pub(super) fn load(&mut self, indices: &[usize]) {
        let now = clock::now();
        for index in indices {
            let volume = &mut self.volumes[*index];
            (volume.is_dirty, volume.changed_at) = (true, Some(now));
        }
        self.is_postponed |= !indices.is_empty();
        if self.is_postponed && !self.is_judging() {
            self.is_postponed = false;
            let action = self.engine.changed(now);
            let settled_at = now + self.engine.settle();
            self.in_flight.iter_mut().for_each(|one| one.hurry(settled_at));
            self.run(action);
        }
    }

    /// Whether a reload waits for the gate: it judges, or a command would find content that the program does not have.
    pub(super) fn is_judging(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| gate.is_judging() || !gate.is_idle() && self.needs_command())
    }

    /// Whether a reload runs a command. What is published was judged before.
    fn needs_command(&self) -> bool {
        let is_unjudged = |volume: &VolumeState| !volume.options.gated && !volume.is_settled(&self.saved.state);
        matches!(self.options.method, ReloadMethod::Exec(_)) || self.volumes.iter().any(is_unjudged)
    }

    /// Whether no command is in flight, and none follows the proof that is. A proof may never come.
    pub(super) fn is_free(&self) -> bool {
        match &self.in_flight {
            None => self.engine.idle_reason().is_some(),
            Some(in_flight) => matches!(in_flight, InFlight::Proof(_)) && self.engine.is_last(),
        }
    }

    pub(super) fn advance_gate(&mut self) {
        let is_free = self.is_free();
        let Some(gate) = &mut self.gate else { return };
        let reverts = self.counters.reverts;
        let published = gate.advance(is_free, self.proc.as_ref(), &mut self.counters);
        if self.counters.reverts > reverts {
            // The restart that follows does not wait: there is one for each edit that was allowed to restart the program.
            self.saved.state.last_restart = None;
        }
        self.load(&published);
        self.log_gate_problem();
    }

    /// What is published is on trial once the program has it, or does not take it.
    pub(super) fn begin_trial(&mut self) {
        let (proc, Some(gate), false) = (self.proc.as_ref(), &mut self.gate, self.is_postponed) else { return };
        match (self.engine.idle_reason(), &self.engine.problem) {
            (Some(IdleReason::Loaded), _) => gate.loaded(proc),
            (Some(IdleReason::Retry | IdleReason::Stopped | IdleReason::NoTarget), Some(problem))
                if is_of_program(problem) =>
            {
                gate.not_taken(problem, proc);
            }
            _ => {}
        }
    }

    /// Whether the child is the gate's.
    pub(super) fn gate_child_ended(&mut self, pid: i32, status: Ended) -> bool {
        let proc = self.proc.as_ref();
        let ended = self.gate.as_mut().and_then(|gate| gate.child_ended(pid, status, proc, &mut self.counters));
        let Some(published) = ended else { return false };
        self.load(&published);
        self.log_gate_problem();
        true
    }

    /// The gate's problem is the agent's, unless the program lacks what is published.
    fn log_gate_problem(&mut self) {
        if self.engine.idle_reason() == Some(IdleReason::Loaded) {
            self.log_problem();
        }
    }
}

/// Whether the program itself has refused a reload, or has not started again.
fn is_of_program(problem: &Problem) -> bool {
    matches!(
        problem.code,
        Code::HttpRefused | Code::HttpFailed | Code::ExecFailed | Code::Unconfirmed | Code::Restarting
    )
}
