//! `http`: a request to the program.

use super::{Begun, Context, InFlight};
use crate::host::clock;
use crate::host::http_call::HttpCall;
use agent::engine::Outcome;
use agent::http::ReloadRequest;
use agent::report::counters::Counters;

/// A request in flight.
pub struct Reload {
    pub call: HttpCall,
    began_at: u64,
}

/// Sends the request.
pub fn begin(context: &mut Context<'_>, request: &ReloadRequest) -> Begun {
    let now = clock::now();
    match HttpCall::start(request, context.counters.requests(), now) {
        Ok(call) => Begun::InFlight(InFlight::Http(Reload { call, began_at: now })),
        Err(outcome) => {
            context.counters.count_request(None, false, 0);
            Begun::Ended(outcome)
        }
    }
}

impl Reload {
    /// Continues; the outcome at the end of the response.
    pub fn advance(&mut self, counters: &mut Counters) -> Option<Outcome> {
        let now = clock::now();
        let outcome = self.call.advance(now)?;
        counters.count_request(self.call.code(), outcome == Outcome::Done, now - self.began_at);
        Some(outcome)
    }
}
