//! Looks for the proof that the signalled program has taken the change (agent/src/proof.rs), by a timer: the signal itself
//! never waits for it.

use crate::host::http_call::HttpCall;
use crate::host::{clock, procfs::Proc};
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use agent::proc::Process;
use agent::proof::{self, Evidence, MetricScan, Proof, STAY_MS};
use agent::signals;
use alloc::format;
use rustix::event::PollFd;

/// A reload takes no longer, unless the program is unusually large.
const WITHIN_MS: u64 = 10_000;
/// First wait after the signal, and between two looks; the wait doubles.
const FIRST_MS: u64 = STAY_MS + 50;
const LOOK_MS: (u64, u64) = (200, 30_000);

/// The search for a proof.
pub struct Confirmation {
    proof: Proof,
    master: Process,
    signal: u32,
    /// Milliseconds since boot, and since 1970.
    signalled_at: (u64, u64),
    /// The metric before the signal, as far as it is known.
    known: u64,
    next: u64,
    wait: u64,
    call: Option<HttpCall>,
    /// What the last look showed, and whether its absence was reported.
    last: Evidence,
    has_expired: bool,
}

impl Confirmation {
    /// Begins after a signal; `signalled_at` is a time just before it, milliseconds since boot.
    pub fn new(proof: &Proof, master: Process, signal: u32, signalled_at: u64, known: u64) -> Confirmation {
        let now = clock::now();
        Confirmation {
            proof: proof.clone(),
            master,
            signal,
            signalled_at: (signalled_at, clock::wall().saturating_sub(now - signalled_at)),
            known,
            next: signalled_at + FIRST_MS,
            wait: LOOK_MS.0,
            call: None,
            last: Evidence::Nothing,
            has_expired: false,
        }
    }

    /// The descriptor to poll, and the time at which `advance` is due all the same.
    pub fn waits_for(&self) -> (Option<PollFd<'_>>, Option<u64>) {
        match &self.call {
            Some(call) => (Some(call.descriptor()), Some(call.deadline)),
            None => (None, Some(self.next)),
        }
    }

    /// Continues. The outcome when there is a proof, and once when there is none in time: then the search goes on. `known`
    /// gets the metric that was the proof.
    pub fn advance(&mut self, proc: &Proc, known: &mut u64) -> Option<Outcome> {
        let now = clock::now();
        if self.call.is_none() && now < self.next {
            return None;
        }
        if proc.has_ended(&self.master) {
            return Some(Outcome::NoTarget(super::signal::gone(&self.master)));
        }
        let (evidence, value) = self.look(proc, now)?;
        self.last = evidence;
        self.next = now + self.wait;
        self.wait = (self.wait * 2).min(LOOK_MS.1);
        match evidence {
            Evidence::Taken => {
                *known = value.unwrap_or(*known);
                Some(Outcome::Done)
            }
            _ if self.has_expired || now < self.signalled_at.0 + WITHIN_MS => None,
            Evidence::Nothing => Some(Outcome::Sent),
            Evidence::NotYet => {
                self.has_expired = true;
                Some(Outcome::Unconfirmed(self.problem()))
            }
        }
    }

    /// One look; None while it is in progress. With the metric's value.
    fn look(&mut self, proc: &Proc, now: u64) -> Option<(Evidence, Option<u64>)> {
        let Proof::Metric { name, request } = &self.proof else {
            let starts = proc.children(self.master.pid).iter().map(Process::started_ms).collect();
            return Some((proof::workers(starts, self.signalled_at.0, now), None));
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
        Some((proof::reload_time(value, self.signalled_at.1, self.known), value))
    }

    fn problem(&self) -> Problem {
        let (Process { pid, comm, .. }, signal) = (&self.master, signals::name(self.signal));
        let missing = match &self.proof {
            Proof::Workers => "has no new workers",
            Proof::Metric { .. } => "reports no reload",
        };
        let message = format!(
            "process {pid} ({comm}) {missing} {} s after {signal}, and may have refused the configuration; its log says why",
            WITHIN_MS / 1000,
        );
        Problem::new(Code::Unconfirmed, message)
    }
}
