//! A question to the program in flight: whether it is healthy. The kubelet's probes ask in the same way.

use super::clock;
use super::http_call::HttpCall;
use agent::engine::Outcome;
use agent::http::HealthCheck;
use alloc::{format, string::String};
use rustix::event::{PollFd, PollFlags};

/// A question in flight.
pub struct HealthCall {
    call: HttpCall,
    connect_only: bool,
}

impl HealthCall {
    /// Asks. `timeout` is in milliseconds. An error says why the program is not healthy.
    pub fn start(check: &HealthCheck, timeout: u64) -> Result<HealthCall, String> {
        let now = clock::now();
        let mut call = HttpCall::start(&check.request, 0, now).map_err(reason)?;
        call.deadline = now + timeout;
        if check.connect_only {
            call.described = format!("tcp://{}", check.request.authority);
        }
        Ok(HealthCall { call, connect_only: check.connect_only })
    }

    /// Continues; the answer at the end.
    pub fn advance(&mut self) -> Option<Result<(), String>> {
        if self.is_accepted() {
            return Some(Ok(()));
        }
        let outcome = self.call.advance(clock::now())?;
        // A redirect counts, as for the kubelet.
        let is_healthy = outcome == Outcome::Done || self.call.is_redirected() || self.is_accepted();
        Some(if is_healthy { Ok(()) } else { Err(reason(outcome)) })
    }

    fn is_accepted(&self) -> bool {
        self.connect_only && self.call.is_connected()
    }

    /// The descriptor to poll.
    pub fn descriptor(&self) -> PollFd<'_> {
        if self.connect_only { PollFd::new(self.call.socket(), PollFlags::OUT) } else { self.call.descriptor() }
    }

    /// When `advance` is due all the same, milliseconds since boot.
    pub fn deadline(&self) -> u64 {
        self.call.deadline
    }
}

/// What was seen, without the remedy of a reload.
fn reason(outcome: Outcome) -> String {
    let (Outcome::NoTarget(problem) | Outcome::Failed(problem) | Outcome::Final(problem)) = outcome else {
        return String::new();
    };
    problem.cause().into()
}
