//! Programs that wrap another one: shells, and inits. A signal for the container is for the program below them, unless a
//! shell script traps it (`trap load HUP`) and no program below the script handles it.

use crate::errors::{Code, Problem};
use crate::proc::{Masks, Process, arguments, holds};
use crate::target::{Facts, Found, NoTarget, not_yet};
use alloc::format;

/// Never signalled; the program below them is: a shell ignores a signal, an init passes it to a child that may die.
const WRAPPERS: [&str; 17] = [
    "sh",
    "bash",
    "dash",
    "ash",
    "busybox",
    "tini",
    "dumb-init",
    "docker-init",
    "catatonit",
    "timeout",
    "gosu",
    "su-exec",
    "runsv",
    "runsvdir",
    "supervisord",
    "my_init",
    "systemd",
];
/// Interpreters whose process carries the name of its script.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "busybox"];
const SIGSEGV: u32 = 11;

/// The program below the root and its wrappers; the innermost shell that traps the signal where no program below it does.
pub(crate) fn below_wrappers<'a>(root: &'a Process, members: &[&'a Process], facts: &Facts<'_>) -> Found<'a> {
    let (mut current, mut shell) = (root, None);
    for _ in 0..=members.len() {
        let is_shell = is_shell(current, facts);
        if !is_shell && !is_wrapper(&current.comm) {
            return Ok(shell.filter(|_| !facts.handles(current)).unwrap_or(current));
        }
        if is_shell && facts.traps(current) {
            shell = Some(current);
        }
        let mut children = members.iter().filter(|member| member.parent == current.pid);
        match (children.next(), children.next(), shell) {
            (Some(child), None, _) => current = child,
            (_, _, Some(shell)) => return Ok(shell),
            (None, ..) => {
                let message =
                    format!("process {} ({}) wraps no program yet; waiting for it", current.pid, current.comm);
                return Err(not_yet(message));
            }
            (Some(_), Some(_), None) => {
                let message = format!(
                    "process {} ({}) runs more than one program; name the one to signal with hotreload.dev/process",
                    current.pid, current.comm
                );
                return Err(NoTarget::Refused(Problem::new(Code::ProcessAmbiguous, message)));
            }
        }
    }
    Err(not_yet("the processes changed while they were read".into()))
}

pub(crate) fn is_wrapper(comm: &str) -> bool {
    comm.starts_with("s6-") || WRAPPERS.contains(&comm)
}

/// Whether a process is a shell, or a script: that has its own file name as command name, and its interpreter as first
/// argument.
pub(crate) fn is_shell(process: &Process, facts: &Facts<'_>) -> bool {
    let cmdline = (facts.command)(process.pid);
    let first = arguments(&cmdline).first().copied().unwrap_or_default();
    let name = first.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let name = name.strip_prefix(b"-").unwrap_or(name);
    SHELLS.iter().any(|shell| process.comm == *shell || shell.as_bytes() == name)
}

/// Whether bash has a trap for EXIT: then it catches every signal that would end it, runs that trap, and ends. No program
/// catches SIGSEGV to reload.
pub(crate) fn catches_everything(masks: Masks) -> bool {
    holds(masks.caught, SIGSEGV)
}
