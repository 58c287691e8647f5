//! `exec`: a command in the program's image.

use super::{Begun, Context, InFlight};
use crate::host::child::{Child, Ended, not_started};
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use alloc::{format, string::String};

/// Starts the command.
pub fn begin(context: &Context<'_>, argv: &[String]) -> Begun {
    match Child::start(argv, "command output", context.options.timeout) {
        Ok(child) => Begun::InFlight(InFlight::Command(child)),
        Err(error) => Begun::Ended(Outcome::Failed(not_started(Code::ExecFailed, argv, error))),
    }
}

/// The outcome of the reload after the command ended.
pub fn outcome(ended: Ended) -> Outcome {
    if ended == Ended::Code(0) {
        return Outcome::Done;
    }
    let message = format!("command {}; trying again", ended.describe());
    Outcome::Failed(Problem::new(Code::ExecFailed, message))
}
