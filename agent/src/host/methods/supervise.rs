//! `supervise`: the supervisor, which runs in the same process, ends the program and starts it again. This file holds the
//! request for it; commands/supervise.rs performs it.

use super::{Begun, Context, InFlight};
use agent::options::method::Termination;

/// A restart of the supervised program.
pub struct ProgramRestart {
    pub termination: Termination,
    /// When the content appeared, milliseconds since boot.
    pub since: u64,
    /// Whether the supervisor has taken the request.
    pub has_begun: bool,
}

/// Requests the restart.
pub fn begin(context: &Context<'_>, termination: Termination) -> Begun {
    let since = context.change.since;
    Begun::InFlight(InFlight::Supervise(ProgramRestart { termination, since, has_begun: false }))
}

impl ProgramRestart {
    /// At once, until the supervisor has taken the request.
    pub fn deadline(&self) -> Option<u64> {
        (!self.has_begun).then_some(0)
    }
}
