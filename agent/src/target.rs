//! Chooses the process to signal, and decides whether it may get the signal. A process gets a signal only if it handles
//! it and if a preset or the user chose it: by name (`--process`), or by a signal for the container's root. A handler
//! alone proves little: many programs catch SIGHUP to exit.

use crate::errors::{Code, Problem};
use crate::proc::{Masks, Process, arguments, holds};
use crate::signals;
use alloc::{format, string::String, vec::Vec};

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
/// Runtimes whose handler for SIGHUP only exits cleanly.
const CATCH_TO_EXIT: [&str; 3] = ["java", "ruby", "dotnet"];
/// Milliseconds after its start in which a program without a handler may still install one. Measured from start to
/// handler: nginx 10 ms, postgres 48, java 79, gunicorn 182; this is fifty times the slowest, for a Pod with little CPU.
const STARTING_MS: u64 = 10_000;
/// Milliseconds of age below which the handler is checked twice: a wrapper's handler disappears with exec.
pub const YOUNG_MS: u64 = 1_000;

/// The process that the agent looks for.
#[derive(Clone, Debug, Default)]
pub struct TargetSelector {
    /// The target container; any container of the Pod if absent (in place of other sidecars).
    pub container: Option<String>,
    /// Command names; none: the container's root, or the program below its wrappers.
    pub processes: Vec<String>,
    /// The process must have one of these arguments, if there are any.
    pub arguments: Vec<String>,
}

/// Why there is no target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoTarget {
    /// The process may still appear: it is starting, restarting or gone.
    NotYet(Problem),
    /// The process must not be signalled.
    Refused(Problem),
}

type Found<'a> = Result<&'a Process, NoTarget>;

/// Chooses the process to signal among all visible ones. `pod` is the agent's own Pod UID, None where the runtime does
/// not show it (gVisor, Kata); `me` is the agent's pid; `command` reads a process's command line.
pub fn choose<'a>(
    all: &'a [Process],
    selector: &TargetSelector,
    pod: Option<&str>,
    me: u32,
    command: &dyn Fn(u32) -> Vec<u8>,
) -> Found<'a> {
    let container = pod.and(selector.container.as_deref());
    let found = match container {
        Some(container) => in_container(all, container, selector, command)?,
        None => anywhere(all, selector, me)?,
    };
    has_argument(found, selector, command)?;
    Ok(found)
}

fn in_container<'a>(
    all: &'a [Process],
    container: &str,
    selector: &TargetSelector,
    command: &dyn Fn(u32) -> Vec<u8>,
) -> Found<'a> {
    let of_container =
        |process: &&Process| process.instance.as_ref().is_some_and(|instance| instance.container == container);
    let none = || not_yet(format!("container {container}: no process is visible; waiting for it to start"));
    let root = newest_root(all, of_container).ok_or_else(none)?;
    let members: Vec<&Process> = all.iter().filter(|process| process.instance == root.instance).collect();
    // If a daemon outlived its root, the earliest process with parent 0 would be an exec session.
    if root.zombie || members.iter().any(|member| member.started < root.started) {
        return Err(none());
    }
    let members: Vec<&Process> =
        members.iter().copied().filter(|member| !member.zombie && !in_session(member, &members, root)).collect();
    if selector.processes.is_empty() {
        return below_wrappers(root, &members, command);
    }
    topmost(&members, selector, container)
}

/// The root process of a container's newest instance: its end is the container's end.
pub fn root<'a>(all: &'a [Process], container: &str) -> Option<&'a Process> {
    let of_container =
        |process: &&Process| process.instance.as_ref().is_some_and(|instance| instance.container == container);
    newest_root(all, of_container).filter(|root| !root.zombie)
}

/// The root of the newest instance. The root of an instance is its earliest process with parent 0.
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
    // Bounded: /proc changes between two reads, so the parents could form a circle.
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

fn anywhere<'a>(all: &'a [Process], selector: &TargetSelector, me: u32) -> Found<'a> {
    if selector.processes.is_empty() {
        let message = "the runtime does not show which container a process belongs to; name the target with hotreload.dev/process";
        return Err(NoTarget::Refused(Problem::new(Code::ProcessNeeded, message)));
    }
    let others: Vec<&Process> = all.iter().filter(|process| process.pid != me && !process.zombie).collect();
    topmost(&others, selector, "of this Pod")
}

/// The one process with a wanted name that has no ancestor with such a name: the master, not its workers.
fn topmost<'a>(members: &[&'a Process], selector: &TargetSelector, container: &str) -> Found<'a> {
    let names = selector.processes.join(", ");
    if let Some(wrapper) = selector.processes.iter().find(|name| is_wrapper(name)) {
        let message = format!("container {container}: {wrapper} only wraps the program; name the program itself");
        return Err(NoTarget::Refused(Problem::new(Code::SignalRefused, message)));
    }
    let matches: Vec<&Process> = members.iter().copied().filter(|member| has_wanted_name(member, selector)).collect();
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
            Err(NoTarget::Refused(Problem::new(Code::ProcessAmbiguous, message)))
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

/// Whether a process has a wanted name; the kernel keeps 15 bytes of a command name.
fn has_wanted_name(process: &Process, selector: &TargetSelector) -> bool {
    selector
        .processes
        .iter()
        .any(|name| name.as_bytes().get(..15).unwrap_or(name.as_bytes()) == process.comm.as_bytes())
}

/// The program below the root and its wrappers.
fn below_wrappers<'a>(root: &'a Process, members: &[&'a Process], command: &dyn Fn(u32) -> Vec<u8>) -> Found<'a> {
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
                return Err(NoTarget::Refused(Problem::new(Code::ProcessAmbiguous, message)));
            }
        }
    }
    Err(not_yet("the processes changed while they were read".into()))
}

fn is_wrapper(comm: &str) -> bool {
    comm.starts_with("s6-") || WRAPPERS.contains(&comm)
}

/// A shell script has its own file name as command name, and its interpreter as first argument.
fn is_script(cmdline: &[u8]) -> bool {
    let first = arguments(cmdline).first().copied().unwrap_or_default();
    let name = first.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let name = name.strip_prefix(b"-").unwrap_or(name);
    SHELLS.iter().any(|shell| shell.as_bytes() == name)
}

fn has_argument(
    process: &Process,
    selector: &TargetSelector,
    command: &dyn Fn(u32) -> Vec<u8>,
) -> Result<(), NoTarget> {
    let cmdline = command(process.pid);
    let present = |wanted: &String| arguments(&cmdline).contains(&wanted.as_bytes());
    if selector.arguments.is_empty() || selector.arguments.iter().any(present) {
        return Ok(());
    }
    let message = format!(
        "process {} ({}) runs without {}, so it has no master that reloads; add it, or set hotreload.dev/reload: rollout",
        process.pid,
        process.comm,
        selector.arguments.join(" or ")
    );
    Err(NoTarget::Refused(Problem::new(Code::ArgumentMissing, message)))
}

fn not_yet(message: String) -> NoTarget {
    NoTarget::NotYet(Problem::new(Code::NoProcess, message))
}

/// Whether the chosen process may get the signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Send the signal.
    Send {
        /// Programs of this kind may catch the signal only to exit cleanly.
        may_exit: bool,
    },
    /// The process may not have installed its handler yet.
    NotYet(Problem),
    /// Do not send the signal.
    Refuse(Problem),
}

/// A process that is about to get a signal.
pub struct Candidate<'a> {
    /// The process.
    pub process: &'a Process,
    /// Its signal masks.
    pub masks: Masks,
    /// The signals that any of its threads blocks.
    pub blocked: u64,
    /// The signal.
    pub signal: u32,
    /// Whether it was chosen by name: then a blocked signal is enough, as a thread in sigwait may wait for it.
    pub is_named: bool,
    /// Milliseconds since its start.
    pub age: u64,
}

/// Judges a candidate.
pub fn judge(candidate: &Candidate<'_>) -> Verdict {
    let Candidate { process, masks, blocked, signal, is_named, age } = *candidate;
    let (name, subject) = (signals::name(signal), format!("process {} ({})", process.pid, process.comm));
    if holds(masks.ignored, signal) {
        let message = format!("{name} not sent: {subject} ignores it; set hotreload.dev/reload: rollout");
        return Verdict::Refuse(Problem::new(Code::SignalIgnored, message));
    }
    if holds(masks.caught, signal) {
        return Verdict::Send { may_exit: is_go(masks) || CATCH_TO_EXIT.contains(&process.comm.as_str()) };
    }
    if is_named && holds(blocked, signal) {
        return Verdict::Send { may_exit: false };
    }
    if age < STARTING_MS {
        return Verdict::NotYet(Problem::new(
            Code::NoProcess,
            format!("{subject} does not handle {name} yet; waiting for it to start"),
        ));
    }
    let message =
        format!("{name} not sent: {subject} does not handle it and would end; set hotreload.dev/reload: rollout");
    Verdict::Refuse(Problem::new(Code::SignalRefused, message))
}

/// Go's runtime catches every real-time signal from 35 to 64 (it leaves 34 to musl); no other program does.
fn is_go(masks: Masks) -> bool {
    (35..=64).all(|signal| holds(masks.caught, signal))
}

#[cfg(test)]
#[path = "target_test.rs"]
mod tests;
