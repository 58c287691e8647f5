//! The gate of one container: it performs the actions that `agent::gate` decides on. It has a validator of its own in
//! flight, during which the agent starts no command: that would find the candidate.

mod gated;
mod generation;
mod health;

use super::child::{Child, Ended, may_go_away, not_started};
use super::layout::Layout;
use super::procfs::Proc;
use super::volume::tree::Failure;
use super::{clock, files, log};
use agent::change;
use agent::errors::{Code, Problem};
use agent::gate::{self, Action, Set, Staged, Unhealthy, Verdict, indices};
use agent::options::watch::Options;
use agent::report::GateReport;
use agent::report::counters::Counters;
use alloc::{format, string::String, vec::Vec};
use gated::Gated;
use health::Health;
use rustix::event::PollFd;
use rustix::fs::CWD;
use rustix::io::Errno;

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
            was_healthy &= healthy || !volume.is_on_trial();
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

    /// Whether the validator runs.
    pub fn is_judging(&self) -> bool {
        !self.machine.is_idle()
    }

    /// Whether the program can start.
    pub fn is_open(&self) -> bool {
        self.machine.is_open()
    }

    /// Whether a Pod that starts has to wait: nothing is in progress, and something keeps a volume from being published.
    pub fn is_closed(&self) -> bool {
        self.machine.is_idle() && self.problem.is_some()
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

    /// The program has what is published.
    pub fn loaded(&mut self, proc: Option<&Proc>) {
        if self.machine.loaded(clock::now()) {
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
            held: volume.held().map(|held| agent::report::Held {
                sha256: &held.content,
                refusals: held.count,
                since: on_wall(held.since),
                last: on_wall(held.last),
                seconds: now.saturating_sub(held.since) / 1000,
            }),
        })
    }

    fn refuse(&mut self, what: &str) {
        let effect = if self.machine.volumes.iter().all(|volume| volume.published.is_some()) {
            "the program keeps what is published"
        } else {
            "nothing is published yet"
        };
        let problem = Problem::new(Code::ValidationFailed, format!("validate {what}; {effect}"));
        log::warn("refused").string("error", &problem.message).write();
        self.problem = Some(problem);
    }

    /// Performs an action, and those that follow from it; the volumes that have new content.
    fn run(&mut self, mut action: Action, proc: Option<&Proc>, counters: &mut Counters) -> Vec<usize> {
        let mut changed = Vec::new();
        let has_acted = action != Action::Nothing;
        loop {
            let now = clock::now();
            action = match action {
                Action::Nothing => break,
                Action::Read => {
                    let contents =
                        self.volumes.iter().map(|volume| generation::checksum(&volume.mounted)).collect::<Vec<_>>();
                    let mut problem = None;
                    let read = |(result, volume): (Result<String, Failure>, &Gated)| {
                        result.inspect_err(|failure| problem = Some(failure.problem(&volume.mounted))).ok()
                    };
                    let contents = contents.into_iter().zip(&self.volumes).map(read).collect();
                    self.set_problem(problem);
                    self.machine.seen(now, contents)
                }
                Action::Stage(volumes) => {
                    let staged = indices(volumes).map(|at| self.stage(at)).collect::<Vec<_>>();
                    let worst = [Staged::Failed, Staged::Moved].into_iter().find(|one| staged.contains(one));
                    self.machine.staged(now, worst.unwrap_or(Staged::Same))
                }
                Action::Validate => match Child::start(&self.validate, "validator output", self.timeout) {
                    Ok(child) => {
                        self.validator = Some(child);
                        break;
                    }
                    Err(error) => {
                        let problem = not_started(Code::ValidationFailed, &self.validate, error);
                        self.set_problem(Some(problem));
                        counters.validations[1] += 1;
                        self.machine.judged(now, if may_go_away(error) { Verdict::Unknown } else { Verdict::Refused })
                    }
                },
                Action::Publish { volumes, is_proved } => {
                    self.save();
                    let done = self.each(volumes, &|one, volume| one.publish(content(&volume.seen), is_proved));
                    changed.extend(indices(done).map(|at| self.volumes[at].index));
                    self.machine.published(now, done)
                }
                Action::Ask => {
                    self.health.ask(proc);
                    break;
                }
                Action::Keep(volumes) => {
                    let done = self.each(volumes, &|one, volume| one.keep(content(&volume.published)));
                    self.machine.kept(now, done)
                }
                Action::Revert(volumes) => {
                    self.save();
                    self.problem = None;
                    let done = self.each(volumes, &|one, volume| one.revert(content(&volume.good)));
                    changed.extend(indices(done).map(|at| self.volumes[at].index));
                    counters.reverts += u64::from(done == volumes);
                    self.machine.reverted(now, done)
                }
                Action::Restore(volumes) => {
                    let done = self.each(volumes, &|one, volume| match volume.published {
                        Some(_) => one.restore(),
                        None => Ok(()),
                    });
                    self.machine.restored(now, volumes & !done)
                }
            };
        }
        self.forget_problem();
        if self.problem.is_none() {
            self.problem = self.reverted();
        }
        if has_acted {
            self.save();
        }
        if self.machine.is_idle() && self.machine.on_trial() == 0 {
            self.health.forget();
        }
        changed
    }

    /// Remembers the trials.
    fn save(&self) {
        let volumes = self.volumes.iter().zip(&self.machine.volumes);
        volumes.for_each(|(one, volume)| one.save(self.machine.was_healthy, volume));
    }

    /// Does something for each of the volumes; those for which it succeeded.
    fn each(&mut self, volumes: Set, act: &dyn Fn(&Gated, &Volume) -> Result<(), Failure>) -> Set {
        let mut done = 0;
        for at in indices(volumes) {
            match act(&self.volumes[at], &self.machine.volumes[at]) {
                Ok(()) => done |= 1 << at,
                Err(failure) => self.failed(at, &failure),
            }
        }
        done
    }

    fn stage(&mut self, at: usize) -> Staged {
        let Some(expected) = self.machine.volumes[at].seen.clone() else { return Staged::Moved };
        let volume = &self.volumes[at];
        match volume.set_candidate(&volume.mounted, &expected) {
            Ok(()) => Staged::Same,
            Err(Failure::Kernel(Errno::AGAIN | Errno::NOENT)) => Staged::Moved,
            Err(failure) => {
                self.failed(at, &failure);
                Staged::Failed
            }
        }
    }

    fn failed(&mut self, at: usize, failure: &Failure) {
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

    fn set_problem(&mut self, problem: Option<Problem>) {
        if problem.is_some() {
            self.problem = problem;
        }
    }

    /// Why mounted content is not published though it has passed.
    fn reverted(&self) -> Option<Problem> {
        let mut volumes = self.volumes.iter().zip(&self.machine.volumes);
        let (name, why) = volumes.find_map(|(one, volume)| Some((&one.name, &volume.barred()?.why)))?;
        let message = format!(
            "volume {name}: {}; the program has the last good content again; mend the new one, or approve it",
            why.reason
        );
        Some(Problem::new(Code::Reverted, message))
    }

    /// Once everything is published, and no trial waits for its end, there is no problem.
    fn forget_problem(&mut self) {
        let is_well =
            |volume: &Volume| volume.refusal.is_none() && volume.seen.is_some() && volume.seen == volume.published;
        let is_done = self.machine.is_idle() && !self.machine.is_decided();
        self.problem.take_if(|_| is_done && self.machine.volumes.iter().all(is_well));
    }
}

fn content(checksum: &Option<String>) -> &str {
    checksum.as_deref().unwrap_or_default()
}

fn unhealthy(reason: String) -> Unhealthy {
    Unhealthy { since: clock::wall(), reason }
}
