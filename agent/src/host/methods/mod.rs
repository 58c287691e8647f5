//! The reload methods, one file each. `begin` starts a reload, which either ends at once or is then in flight: `advance`
//! continues it. A new method is a file and a row in `begin`; if it takes time, also a variant of `InFlight`.

mod command;
mod http;
pub mod probe;
mod proof;
mod restart;
pub mod signal;
mod supervise;

use super::child::Child;
use super::layout::Layout;
use super::procfs::Proc;
use super::state_file::StateFile;
use super::volume::Change;
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use agent::options::method::ReloadMethod;
use agent::options::watch::Options;
use agent::proc::Process;
use agent::report::counters::Counters;
use alloc::boxed::Box;
use proof::Past;
use rustix::event::PollFd;
use signal::SignalledProcess;

/// The state that a method reads and changes.
pub struct Context<'a> {
    pub options: &'a Options,
    pub layout: &'a Layout,
    pub proc: Option<&'a Proc>,
    /// The content that the reload is to load.
    pub change: Change,
    pub target: &'a mut Target,
    pub saved: &'a mut StateFile,
    pub counters: &'a mut Counters,
}

/// The process that the agent notified last.
#[derive(Default)]
pub struct Target {
    pub process: Option<Process>,
    /// Programs of this kind may catch the signal only to exit.
    pub may_exit: bool,
    /// The process that got the last signal.
    pub signalled: Option<SignalledProcess>,
    /// What earlier signals left behind.
    pub past: Past,
}

/// How a reload began.
pub enum Begun {
    Ended(Outcome),
    InFlight(InFlight),
}

/// The reload or validation that runs now.
pub enum InFlight {
    Validator(Child),
    Command(Child),
    Http(http::Reload),
    Restart(restart::Ending),
    Supervise(supervise::ProgramRestart),
    /// The signal is sent.
    Proof(Box<proof::Confirmation>),
}

/// Begins a reload. A change of the environment needs a restart of the container, whatever the method is.
pub fn begin(context: &mut Context<'_>) -> Begun {
    let options = context.options;
    match &options.method {
        _ if context.change.env => restart::begin(context, options.env_restart),
        ReloadMethod::Signal(number) => signal::begin(context, *number),
        ReloadMethod::Http(request) => http::begin(context, request),
        ReloadMethod::Exec(argv) => command::begin(context, argv),
        ReloadMethod::Restart(termination) => restart::begin(context, *termination),
        ReloadMethod::Probe => probe::begin(context),
        ReloadMethod::Supervise(termination) => supervise::begin(context, *termination),
        ReloadMethod::None => Begun::Ended(Outcome::Sent),
    }
}

impl InFlight {
    /// Continues; the outcome at the end. A child's end is reported to `child_ended` instead.
    pub fn advance(&mut self, proc: Option<&Proc>, past: &mut Past, counters: &mut Counters) -> Option<Outcome> {
        match self {
            InFlight::Validator(child) | InFlight::Command(child) => {
                child.advance();
                None
            }
            InFlight::Http(reload) => reload.advance(counters),
            InFlight::Restart(ending) => ending.advance(proc?),
            InFlight::Proof(confirmation) => confirmation.advance(proc?, past),
            InFlight::Supervise(_) => None,
        }
    }

    /// The descriptor to poll, and the time at which `advance` is due all the same (milliseconds since boot).
    pub fn waits_for(&self) -> (Option<PollFd<'_>>, Option<u64>) {
        match self {
            InFlight::Validator(child) | InFlight::Command(child) => (child.descriptor(), Some(child.deadline)),
            InFlight::Http(reload) => (Some(reload.call.descriptor()), Some(reload.call.deadline)),
            InFlight::Restart(ending) => (ending.descriptor(), Some(ending.kill_at)),
            InFlight::Supervise(restart) => (None, restart.deadline()),
            InFlight::Proof(confirmation) => confirmation.waits_for(),
        }
    }

    /// Newer content is there from `at` on, milliseconds since boot.
    pub fn hurry(&mut self, at: u64) {
        if let InFlight::Proof(confirmation) = self {
            confirmation.hurry(at);
        }
    }

    /// Whether `pid` is the child in flight.
    pub fn is_child(&self, pid: i32) -> bool {
        matches!(self, InFlight::Validator(child) | InFlight::Command(child) if child.pid() == pid)
    }
}

/// The outcome of a reload command that ended.
pub use command::outcome as command_outcome;
/// The container's root and program.
pub use restart::{find as find_run, open as open_process};

fn no_proc() -> Outcome {
    Outcome::Failed(Problem::new(Code::NoProcess, "/proc can't be read; trying again"))
}
