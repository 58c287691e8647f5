//! Looks for the proof that the signalled program has taken the change (agent/src/proof.rs), by a timer: the signal itself
//! never waits for it.

use super::signal::SignalledProcess;
use crate::host::http_call::HttpCall;
use crate::host::{clock, procfs::Proc};
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use agent::proc::Process;
use agent::proof::{self, Evidence, MetricScan, Proof, STAY_MS, Worker};
use agent::signals;
use alloc::{format, vec::Vec};
use rustix::event::PollFd;

/// A reload takes no longer, unless the program is unusually large.
const WITHIN_MS: u64 = 10_000;
/// First wait after the signal, and between two looks; the wait doubles.
const FIRST_MS: u64 = STAY_MS + 50;
const LOOK_MS: (u64, u64) = (200, 30_000);

/// What earlier signals left behind, for the next proof.
#[derive(Clone, Copy, Default)]
pub struct Past {
    /// When the last signal with a proof was sent, milliseconds since boot.
    proved_at: u64,
    /// The metric that was the last proof.
    metric: u64,
    /// Until then a new metric may be due to a signal that had no proof yet, milliseconds since 1970.
    doubtful_until: u64,
}

/// The search for a proof.
pub struct Confirmation {
    proof: Proof,
    master: Process,
    signal: u32,
    /// Milliseconds since boot, and since 1970.
    signalled_at: (u64, u64),
    /// The master's children just after the signal.
    workers: Vec<Worker>,
    next: u64,
    wait: u64,
    /// Newer content waits since then.
    newer_at: Option<u64>,
    call: Option<HttpCall>,
    has_expired: bool,
}

impl Confirmation {
    /// Begins after a signal; `signalled_at` is a time just before it, milliseconds since boot.
    pub fn new(proof: &Proof, proc: &Proc, signalled: &SignalledProcess) -> Confirmation {
        let (master, sent_at) = (signalled.process.clone(), signalled.sent_at);
        Confirmation {
            workers: if *proof == Proof::Workers { proc.workers(master.pid) } else { Vec::new() },
            proof: proof.clone(),
            master,
            signal: signalled.signal,
            signalled_at: (sent_at, clock::wall().saturating_sub(clock::now() - sent_at)),
            next: sent_at + FIRST_MS,
            wait: LOOK_MS.0,
            newer_at: None,
            call: None,
            has_expired: false,
        }
    }

    /// Newer content is there from `at` on: it does not wait longer than the program needs to handle the signal.
    pub fn hurry(&mut self, at: u64) {
        let at = at.max(self.signalled_at.0 + FIRST_MS);
        (self.newer_at, self.wait) = (Some(at), LOOK_MS.0);
        self.next = self.next.min(at);
    }

    /// The descriptor to poll, and the time at which `advance` is due all the same.
    pub fn waits_for(&self) -> (Option<PollFd<'_>>, Option<u64>) {
        match &self.call {
            Some(call) => (Some(call.descriptor()), Some(call.deadline)),
            None => (None, Some(self.next)),
        }
    }

    /// Continues. The outcome when there is a proof, and once when there is none in time: then the search goes on.
    pub fn advance(&mut self, proc: &Proc, past: &mut Past) -> Option<Outcome> {
        let now = clock::now();
        if self.call.is_none() && now < self.next {
            return None;
        }
        if proc.has_ended(&self.master) {
            return Some(Outcome::NoTarget(super::signal::gone(&self.master)));
        }
        let is_late = now >= self.signalled_at.0 + WITHIN_MS;
        // Before the look, which then shows everything that the master has done.
        let gives_way = self.newer_at.is_some_and(|at| now >= at) && self.is_master_free(proc);
        let (evidence, value) = self.look(proc, now, *past)?;
        self.next = now + self.wait;
        self.wait = (self.wait * 2).min(LOOK_MS.1);
        match evidence {
            Evidence::Taken => {
                past.proved_at = self.signalled_at.0;
                past.metric = value.unwrap_or(past.metric);
                return Some(Outcome::Done);
            }
            _ if self.has_expired || !is_late && !gives_way => return None,
            Evidence::Starting if !is_late => return None,
            _ => {}
        }
        if !is_late {
            past.doubtful_until = self.signalled_at.1 + WITHIN_MS;
        }
        self.has_expired = true;
        Some(if evidence == Evidence::Nothing { Outcome::Sent } else { Outcome::Unconfirmed(self.problem(now)) })
    }

    /// Whether the master has handled its signals, so that new workers from now on are due to the next one.
    fn is_master_free(&self, proc: &Proc) -> bool {
        self.proof != Proof::Workers || !proc.is_held(self.master.pid, self.signal)
    }

    /// One look; None while it is in progress. With the metric's value.
    fn look(&mut self, proc: &Proc, now: u64, past: Past) -> Option<(Evidence, Option<u64>)> {
        let Proof::Metric { name, request } = &self.proof else {
            let children = proc.workers(self.master.pid);
            let (since, signalled) = (past.proved_at, self.signalled_at.0);
            return Some((proof::workers(&self.workers, &children, since, signalled, now, self.has_expired), None));
        };
        if self.call.is_none() {
            self.call = HttpCall::scan(request, MetricScan::new(name), now).ok();
        }
        let value = match &mut self.call {
            Some(call) => {
                call.advance(now)?;
                call.scanned()
            }
            None => None,
        };
        self.call = None;
        let (signalled, wall) = (self.signalled_at.1, clock::wall());
        Some((proof::reload_time(value, signalled, past.metric, past.doubtful_until, wall), value))
    }

    fn problem(&self, now: u64) -> Problem {
        let (Process { pid, comm, .. }, signal) = (&self.master, signals::name(self.signal));
        let missing = match &self.proof {
            Proof::Workers => "has no new workers",
            Proof::Metric { .. } => "reports no reload",
        };
        let message = format!(
            "process {pid} ({comm}) {missing} {} s after {signal}, and may have refused the configuration; its log says why",
            (now - self.signalled_at.0) / 1000,
        );
        Problem::new(Code::Unconfirmed, message)
    }
}
