//! Chooses the process to signal; verdict.rs decides whether it may get the signal. A process gets a signal only if it handles
//! it and if a preset or the user chose it: by name (`--process`), or by a signal for the container's root. A handler
//! alone proves little: many programs catch SIGHUP to exit.

use crate::errors::{Code, Problem};
use crate::proc::{Masks, Process, arguments, holds};
use crate::wrappers::{below_wrappers, catches_everything, is_shell, is_wrapper};
use alloc::{format, string::String, vec::Vec};

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

pub(crate) type Found<'a> = Result<&'a Process, NoTarget>;

/// What the choice reads of a process beyond its stat.
pub struct Facts<'a> {
    /// Its command line.
    pub command: &'a dyn Fn(u32) -> Vec<u8>,
    /// Its signal masks.
    pub masks: &'a dyn Fn(u32) -> Option<Masks>,
    /// The signal of the reload; None where the process is to end.
    pub signal: Option<u32>,
}

impl Facts<'_> {
    /// Whether a process handles the signal.
    pub(crate) fn handles(&self, process: &Process) -> bool {
        self.signal.zip((self.masks)(process.pid)).is_some_and(|(signal, masks)| holds(masks.caught, signal))
    }

    /// Whether a shell has a trap for the signal.
    pub(crate) fn traps(&self, process: &Process) -> bool {
        self.handles(process) && !(self.masks)(process.pid).is_some_and(catches_everything)
    }
}

/// Chooses the process to signal among all visible ones. `pod` is the agent's own Pod UID, None where the runtime does
/// not show it (gVisor, Kata); `me` is the agent's pid.
pub fn choose<'a>(
    all: &'a [Process],
    selector: &TargetSelector,
    pod: Option<&str>,
    me: u32,
    facts: &Facts<'_>,
) -> Found<'a> {
    let container = pod.and(selector.container.as_deref());
    let found = match container {
        Some(container) => in_container(all, container, selector, facts)?,
        None => anywhere(all, selector, me, facts)?,
    };
    has_argument(found, selector, facts)?;
    Ok(found)
}

fn in_container<'a>(all: &'a [Process], container: &str, selector: &TargetSelector, facts: &Facts<'_>) -> Found<'a> {
    let none = || not_yet(format!("container {container}: no process is visible; waiting for it to start"));
    let root = root(all, container).ok_or_else(none)?;
    let members: Vec<&Process> = all.iter().filter(|process| process.instance == root.instance).collect();
    let members: Vec<&Process> =
        members.iter().copied().filter(|member| !member.zombie && !in_session(member, &members, root)).collect();
    if selector.processes.is_empty() {
        return below_wrappers(root, &members, facts);
    }
    topmost(&members, selector, container, facts)
}

/// The root process of a container's newest instance: its end is the container's end.
pub fn root<'a>(all: &'a [Process], container: &str) -> Option<&'a Process> {
    let of_container =
        |process: &&Process| process.instance.as_ref().is_some_and(|instance| instance.container == container);
    let root = newest_root(all, of_container)?;
    // If a daemon outlived its root, the earliest process with parent 0 would be an exec session.
    let has_older = all.iter().any(|member| member.instance == root.instance && member.started < root.started);
    (!root.zombie && !has_older).then_some(root)
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

fn anywhere<'a>(all: &'a [Process], selector: &TargetSelector, me: u32, facts: &Facts<'_>) -> Found<'a> {
    if selector.processes.is_empty() {
        let message = "the runtime does not show which container a process belongs to; name the target with hotreload.dev/process";
        return Err(NoTarget::Refused(Problem::new(Code::ProcessNeeded, message)));
    }
    let others: Vec<&Process> = all.iter().filter(|process| process.pid != me && !process.zombie).collect();
    topmost(&others, selector, "of this Pod", facts)
}

/// The one process with a wanted name that has no ancestor with such a name: the master, not its workers.
fn topmost<'a>(members: &[&'a Process], selector: &TargetSelector, container: &str, facts: &Facts<'_>) -> Found<'a> {
    let names = selector.processes.join(", ");
    let matches: Vec<&Process> = members.iter().copied().filter(|member| has_wanted_name(member, selector)).collect();
    let is_top = |process: &&&Process| !has_ancestor(process, members, &matches);
    let mut tops = matches.iter().filter(is_top);
    match (tops.next(), tops.count()) {
        (None, _) => Err(not_yet(format!("container {container}: no process named {names} runs; waiting for it"))),
        (Some(only), 0) if is_wrapper(&only.comm) && !(is_shell(only, facts) && facts.traps(only)) => {
            let message = format!(
                "container {container}: {} only wraps the program; name the program itself, or trap the signal in its script",
                only.comm
            );
            Err(NoTarget::Refused(Problem::new(Code::SignalRefused, message)))
        }
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

fn has_argument(process: &Process, selector: &TargetSelector, facts: &Facts<'_>) -> Result<(), NoTarget> {
    let cmdline = (facts.command)(process.pid);
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

pub(crate) fn not_yet(message: String) -> NoTarget {
    NoTarget::NotYet(Problem::new(Code::NoProcess, message))
}

#[cfg(test)]
#[path = "target_test.rs"]
mod tests;
