//! Whom to tell: which process of the container is meant, and whether it may get the signal. A signal goes out only to a
//! process that handles it and for which somebody vouches (a preset's or the user's `--process`, or the user's own
//! choice of a signal for the container's root). Catching alone proves little: many programs catch SIGHUP to exit.

use crate::errors::{Code, Problem};
use crate::proc::{Masks, Process, arguments, holds};
use crate::signals;
use alloc::{format, string::String, vec::Vec};

/// Looked through, never signalled: a shell swallows a signal, an init hands it to a child that may die of it.
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
/// Interpreters that hide under the name of their script.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "busybox"];
/// Runtimes that install a handler for SIGHUP only to exit in order.
const CATCH_TO_EXIT: [&str; 3] = ["java", "ruby", "dotnet"];
/// Milliseconds in which a program that does not handle the signal may still be starting. Measured from start to
/// handler: nginx 10 ms, postgres 48, java 79, gunicorn 182; fifty times the slowest for a Pod with little CPU.
const STARTING_MS: u64 = 10_000;
/// Milliseconds of age below which the handler must be seen twice: a wrapper's handler is gone after exec.
pub const YOUNG_MS: u64 = 1_000;

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Want {
    /// The target container; any of the Pod's when absent (drop-in modes).
    pub container: Option<String>,
    /// Command names vouched for; none: the container's root, wrappers looked through.
    pub processes: Vec<String>,
    /// One of these must be among the arguments, when there are any.
    pub arguments: Vec<String>,
}

/// Why there is no target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Miss {
    /// It may come: starting, restarting, gone.
    NotYet(Problem),
    /// It is not to be signalled.
    Refused(Problem),
}

type Found<'a> = Result<&'a Process, Miss>;

/// The process to tell among all that are visible. `pod` is the agent's own Pod UID, None where the runtime does not
/// show it (gVisor, Kata); `me` the agent's pid; `command` reads a process's command line.
pub fn choose<'a>(
    all: &'a [Process],
    want: &Want,
    pod: Option<&str>,
    me: u32,
    command: &dyn Fn(u32) -> Vec<u8>,
) -> Found<'a> {
    let container = pod.and(want.container.as_deref());
    let found = match container {
        Some(container) => in_container(all, container, want, command)?,
        None => anywhere(all, want, me)?,
    };
    has_argument(found, want, command)?;
    Ok(found)
}

fn in_container<'a>(all: &'a [Process], container: &str, want: &Want, command: &dyn Fn(u32) -> Vec<u8>) -> Found<'a> {
    let of_container =
        |process: &&Process| process.instance.as_ref().is_some_and(|instance| instance.container == container);
    let none = || not_yet(format!("container {container}: no process is visible; waiting for it to start"));
    let root = newest_root(all, of_container).ok_or_else(none)?;
    let members: Vec<&Process> = all.iter().filter(|process| process.instance == root.instance).collect();
    // Where a daemon outlived its root, an exec session would be the earliest process with parent 0.
    if root.zombie || members.iter().any(|member| member.started < root.started) {
        return Err(none());
    }
    let members: Vec<&Process> =
        members.iter().copied().filter(|member| !member.zombie && !in_session(member, &members, root)).collect();
    if want.processes.is_empty() {
        return look_through(root, &members, command);
    }
    top(&members, want, container)
}

/// The root of a container's newest instance, for ending the container.
pub fn root<'a>(all: &'a [Process], container: &str) -> Option<&'a Process> {
    let of_container =
        |process: &&Process| process.instance.as_ref().is_some_and(|instance| instance.container == container);
    newest_root(all, of_container).filter(|root| !root.zombie)
}

/// The root of the container's newest instance: for each instance its earliest process with parent 0.
fn newest_root(all: &[Process], of_container: impl Fn(&&Process) -> bool) -> Option<&Process> {
    let roots = all.iter().filter(|process| process.parent == 0 && of_container(process));
    let earliest = roots.clone().filter(|root| {
        roots
            .clone()
            .all(|other| other.instance != root.instance || (root.started, root.pid) <= (other.started, other.pid))
    });
    earliest.max_by_key(|root| root.started)
}

/// Whether a process descends from a later process with parent 0: kubectl exec, an exec probe, preStop.
fn in_session(process: &Process, members: &[&Process], root: &Process) -> bool {
    let mut current = process;
    // Bounded: parents read one after the other from a living /proc could form a circle.
    for _ in 0..members.len() {
        if current.parent == 0 {
            return current.pid != root.pid;
        }
        match members.iter().find(|member| member.pid == current.parent) {
            Some(parent) => current = parent,
            None => return false,
        }
    }
    false
}

fn anywhere<'a>(all: &'a [Process], want: &Want, me: u32) -> Found<'a> {
    if want.processes.is_empty() {
        let message = "the runtime does not show which process is whose; name the target with hotreload.dev/process";
        return Err(Miss::Refused(Problem::new(Code::ProcessNeeded, message)));
    }
    let others: Vec<&Process> = all.iter().filter(|process| process.pid != me && !process.zombie).collect();
    top(&others, want, "of this Pod")
}

/// The one process of a vouched name that has no vouched ancestor: the master, not its workers.
fn top<'a>(members: &[&'a Process], want: &Want, container: &str) -> Found<'a> {
    let names = want.processes.join(", ");
    if let Some(wrapper) = want.processes.iter().find(|name| is_wrapper(name)) {
        let message = format!("container {container}: {wrapper} only wraps the program; name the program itself");
        return Err(Miss::Refused(Problem::new(Code::SignalRefused, message)));
    }
    let matches: Vec<&Process> = members.iter().copied().filter(|member| named(member, want)).collect();
    let is_top = |process: &&&Process| !has_ancestor(process, members, &matches);
    let mut tops = matches.iter().filter(is_top);
    match (tops.next(), tops.count()) {
        (None, _) => Err(not_yet(format!("container {container}: no process named {names} runs; waiting for it"))),
        (Some(only), 0) => Ok(only),
        (Some(_), more) => {
            let message = format!(
                "container {container}: {} processes are named {names} and none is the parent of the others; name one with hotreload.dev/process",
                more + 1
            );
            Err(Miss::Refused(Problem::new(Code::ProcessAmbiguous, message)))
        }
    }
}

fn has_ancestor(process: &Process, members: &[&Process], among: &[&Process]) -> bool {
    let mut current = process;
    for _ in 0..members.len() {
        if among.iter().any(|candidate| candidate.pid == current.parent) {
            return true;
        }
        match members.iter().find(|member| member.pid == current.parent) {
            Some(parent) => current = parent,
            None => return false,
        }
    }
    false
}

/// Whether a process carries a vouched name; the kernel keeps 15 bytes of a command name.
pub fn named(process: &Process, want: &Want) -> bool {
    want.processes.iter().any(|name| name.as_bytes().get(..15).unwrap_or(name.as_bytes()) == process.comm.as_bytes())
}

/// From the root down through wrappers to the program.
fn look_through<'a>(root: &'a Process, members: &[&'a Process], command: &dyn Fn(u32) -> Vec<u8>) -> Found<'a> {
    let mut current = root;
    for _ in 0..=members.len() {
        if !is_wrapper(&current.comm) && !is_script(&command(current.pid)) {
            return Ok(current);
        }
        let mut children = members.iter().filter(|member| member.parent == current.pid);
        match (children.next(), children.next()) {
            (Some(child), None) => current = child,
            (None, _) => {
                let message =
                    format!("process {} ({}) wraps no program yet; waiting for it", current.pid, current.comm);
                return Err(not_yet(message));
            }
            (Some(_), Some(_)) => {
                let message = format!(
                    "process {} ({}) runs more than one program; name the one to signal with hotreload.dev/process",
                    current.pid, current.comm
                );
                return Err(Miss::Refused(Problem::new(Code::ProcessAmbiguous, message)));
            }
        }
    }
    Err(not_yet("the processes changed while they were read".into()))
}

fn is_wrapper(comm: &str) -> bool {
    comm.starts_with("s6-") || WRAPPERS.contains(&comm)
}

/// A shell script carries its own file's name as command name, and its interpreter as first argument.
fn is_script(cmdline: &[u8]) -> bool {
    let first = arguments(cmdline).first().copied().unwrap_or_default();
    let name = first.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let name = name.strip_prefix(b"-").unwrap_or(name);
    SHELLS.iter().any(|shell| shell.as_bytes() == name)
}

fn has_argument(process: &Process, want: &Want, command: &dyn Fn(u32) -> Vec<u8>) -> Result<(), Miss> {
    let cmdline = command(process.pid);
    let present = |wanted: &String| arguments(&cmdline).contains(&wanted.as_bytes());
    if want.arguments.is_empty() || want.arguments.iter().any(present) {
        return Ok(());
    }
    let message = format!(
        "process {} ({}) runs without {}, so it has no master that reloads; add it, or set hotreload.dev/reload: rollout",
        process.pid,
        process.comm,
        want.arguments.join(" or ")
    );
    Err(Miss::Refused(Problem::new(Code::ArgumentMissing, message)))
}

fn not_yet(message: String) -> Miss {
    Miss::NotYet(Problem::new(Code::NoProcess, message))
}

/// What the masks of a chosen process allow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Send it. `may_exit`: the program is of a kind that catches the signal only to end in order.
    Send {
        /// See above.
        may_exit: bool,
    },
    /// It may not have installed its handler yet.
    NotYet(Problem),
    /// It must not be sent.
    Refuse(Problem),
}

/// Judges one process. `blocked` holds the signals blocked in any of its threads, `age` its milliseconds since start,
/// `vouched` whether its name was given: then a blocked signal (a thread in sigwait may wait for it) is enough.
pub fn judge(process: &Process, masks: Masks, blocked: u64, signal: u32, vouched: bool, age: u64) -> Verdict {
    let (name, who) = (signals::name(signal), format!("process {} ({})", process.pid, process.comm));
    if holds(masks.ignored, signal) {
        let message = format!("{name} not sent: {who} ignores it; set hotreload.dev/reload: rollout");
        return Verdict::Refuse(Problem::new(Code::SignalIgnored, message));
    }
    if holds(masks.caught, signal) {
        return Verdict::Send { may_exit: is_go(masks) || CATCH_TO_EXIT.contains(&process.comm.as_str()) };
    }
    if vouched && holds(blocked, signal) {
        return Verdict::Send { may_exit: false };
    }
    if age < STARTING_MS {
        return Verdict::NotYet(Problem::new(
            Code::NoProcess,
            format!("{who} does not handle {name} yet; waiting for it to start"),
        ));
    }
    let message = format!("{name} not sent: {who} does not handle it and would end; set hotreload.dev/reload: rollout");
    Verdict::Refuse(Problem::new(Code::SignalRefused, message))
}

/// Go's runtime catches every real-time signal from 35 to 64 (34 it leaves to musl); no program does so by itself.
fn is_go(masks: Masks) -> bool {
    (35..=64).all(|signal| holds(masks.caught, signal))
}

#[cfg(test)]
#[path = "target_test.rs"]
mod tests;
