//! The gate of one container: it performs the actions that `agent::gate` decides on. It has a validator of its own in
//! flight, during which the agent starts no command: that would find the candidate.

mod actions;
mod gated;
mod generation;
mod health;
mod report;

use super::child::{Child, Ended};
use super::layout::Layout;
use super::procfs::Proc;
use super::{clock, files, log};
use agent::change;
use agent::errors::Problem;
use agent::gate::{self, Action, Unhealthy, Verdict};
use agent::options::watch::Options;
use agent::report::counters::Counters;
use alloc::{string::String, vec::Vec};
use gated::Gated;
use health::Health;
use rustix::event::PollFd;
use rustix::fs::CWD;

/// Far more than an annotation with a checksum for each volume.
const APPROVALS_MAX_BYTES: usize = 64 << 10;

/// What the machine knows of a volume.
type Volume = gate::Volume<String>;

/// The gate.
pub struct Gate {
    machine: gate::Gate<String>,
    volumes: Vec<Gated>,
    approvals: String,
    validate: Vec<String>,
    timeout: u64,
    validator: Option<Child>,
    health: Health,
    /// Why something is not published.
    problem: Option<Problem>,
}

impl Gate {
    /// Starts with what is published; None where no volume is gated. `is_first`: the program does not run yet.
    pub fn start(options: &Options, layout: &Layout, is_first: bool) -> Option<Gate> {
        let (mode, validate) = (options.gate?, options.validate.clone()?);
        let is_gated = options.volumes.iter().enumerate().filter(|(_, volume)| volume.gated);
        let volumes: Vec<Gated> = is_gated.map(|(index, volume)| Gated::new(index, volume, options, layout)).collect();
        if volumes.is_empty() {
            return None;
        }
        // A program that does not run yet is neither asked nor known to be healthy.
        let mut was_healthy = !is_first;
        let start = |one: &Gated| {
            let (volume, healthy) = one.start(is_first);
            was_healthy &= healthy;
            volume
        };
        let found = volumes.iter().map(start).collect();
        let settle = change::settle(volumes.len(), true);
        let machine = gate::Gate::new(mode, settle, found, clock::now());
        let mut gate = Gate {
            machine: machine.with_trials(options.bake.filter(|_| !is_first), was_healthy),
            volumes,
            approvals: layout.path("approve/approve"),
            validate,
            timeout: options.timeout,
            validator: None,
            health: Health::new(options),
            problem: None,
        };
        gate.read_approvals();
        Some(gate)
    }

    /// Whether a judgement is in progress.
    pub fn is_judging(&self) -> bool {
        self.machine.is_busy()
    }

    /// Whether a command may run: it finds what is published.
    pub fn is_idle(&self) -> bool {
        self.machine.is_idle()
    }

    /// Whether the program can start.
    pub fn is_open(&self) -> bool {
        self.machine.is_open()
    }

    /// Whether a Pod that starts has to wait: nothing is in progress, and something keeps a volume from being published.
    pub fn is_closed(&self) -> bool {
        !self.machine.is_busy() && self.problem.is_some()
    }

    /// A gated volume may have changed.
    pub fn changed(&mut self) {
        self.machine.changed(clock::now());
    }

    /// Something that the validator may look at has changed.
    pub fn nudged(&mut self) {
        self.machine.nudged(clock::now());
    }

    /// The Pod's annotations have changed.
    pub fn read_approvals(&mut self) {
        let text = files::read(CWD, self.approvals.as_str(), APPROVALS_MAX_BYTES).unwrap_or_default();
        let text = String::from_utf8(text).unwrap_or_default();
        let now = clock::now();
        for (index, volume) in self.volumes.iter().enumerate() {
            let of_volume = |one: &str| Some(one.trim().strip_prefix(&volume.name)?.strip_prefix('@')?.into());
            self.machine.approve(index, text.split(',').filter_map(of_volume).collect(), now);
        }
        self.save();
        self.nudged();
    }

    /// The program is about to get what is published, and may end of it at once.
    pub fn watch(&mut self, proc: Option<&Proc>) {
        if self.machine.on_trial() != 0 {
            self.health.watch(proc);
        }
    }

    /// The program was given what is published.
    pub fn loading(&mut self) {
        self.machine.loading();
    }

    /// The program has what is published.
    pub fn loaded(&mut self, proc: Option<&Proc>) {
        if self.machine.loaded(clock::now()) {
            self.health.begin(proc);
        }
    }

    /// The program does not take what is published.
    pub fn not_taken(&mut self, problem: &Problem, proc: Option<&Proc>) {
        if self.machine.not_taken(clock::now(), || unhealthy(problem.cause().into())) {
            self.health.begin(proc);
        }
    }

    /// The agent ends the program, or has the kubelet end it, so that it starts again.
    pub fn restarting(&mut self) {
        self.machine.restarting();
        self.health.restarting();
    }

    /// Does what is due; the volumes that have new content. `may_begin`: no command of the agent is in flight.
    pub fn advance(&mut self, may_begin: bool, proc: Option<&Proc>, counters: &mut Counters) -> Vec<usize> {
        self.validator.iter_mut().for_each(Child::advance);
        let mut changed = self.advance_trial(proc, counters);
        if may_begin {
            let action = self.machine.tick(clock::now());
            changed.extend(self.run(action, proc, counters));
        }
        changed
    }

    fn advance_trial(&mut self, proc: Option<&Proc>, counters: &mut Counters) -> Vec<usize> {
        let (now, was_healthy) = (clock::now(), self.machine.unhealthy.is_none());
        if self.health.has_ended(proc) {
            self.machine.ended(now, unhealthy("the program has ended".into()));
        }
        if self.machine.ask_at().is_some_and(|at| at <= now) && !self.health.is_asking() {
            self.health.ask(proc);
        }
        let answer = self.health.advance();
        let take = |answer: Result<(), String>| self.machine.answered(clock::now(), answer.map_err(unhealthy));
        let action = answer.map_or(Action::Nothing, take);
        if was_healthy && let Some(why) = &self.machine.unhealthy {
            log::warn("unhealthy").string("reason", &why.reason).write();
        }
        self.run(action, proc, counters)
    }

    /// A child has ended; None: it is not the gate's.
    pub fn child_ended(
        &mut self,
        pid: i32,
        status: Ended,
        proc: Option<&Proc>,
        counters: &mut Counters,
    ) -> Option<Vec<usize>> {
        let ended = self.validator.take_if(|child| child.pid() == pid)?.ended(status);
        let is_valid = ended == Ended::Code(0);
        counters.validations[usize::from(!is_valid)] += 1;
        let verdict = if is_valid { Verdict::Passed } else { Verdict::Refused };
        if !is_valid {
            self.refuse(&ended.describe());
        }
        let action = self.machine.judged(clock::now(), verdict);
        Some(self.run(action, proc, counters))
    }

    /// The descriptors to poll.
    pub fn descriptors<'a>(&'a self, polled: &mut Vec<PollFd<'a>>) {
        polled.extend(self.validator.as_ref().and_then(Child::descriptor));
        self.health.descriptors(polled);
    }

    /// The time at which `advance` is due, milliseconds since boot.
    pub fn deadline(&self, may_begin: bool) -> Option<u64> {
        let own = match &self.validator {
            Some(child) => Some(child.deadline),
            None => self.machine.deadline().filter(|_| may_begin),
        };
        let health = if self.health.is_asking() { self.health.deadline() } else { self.machine.ask_at() };
        [own, health].into_iter().flatten().min()
    }
}

fn unhealthy(reason: String) -> Unhealthy {
    Unhealthy { since: clock::wall(), reason }
}
