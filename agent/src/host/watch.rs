//! `watch`: the sidecar's one loop. It ends at SIGTERM, and at nothing else: a native sidecar that exits takes the app's
//! Pod out of its Services.

use super::agent::Agent;
use super::child::Ended;
use super::inotify::Watcher;
use super::layout::Layout;
use super::server::{self, Server};
use super::{clock, log};
use crate::runtime;
use agent::errors::Problem;
use agent::options;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::process::{WaitOptions, wait as wait_child};
use rustix::time::Timespec;

const SIGTERM: u32 = 15;
const SIGINT: u32 = 2;
const SIGCHLD: u32 = 17;
const SIGIO: u32 = 29;

const ENDING: u64 = bit(SIGTERM) | bit(SIGINT);

const fn bit(signal: u32) -> u64 {
    1 << (signal - 1)
}

/// Exit code: 0, at SIGTERM.
pub fn watch(args: &[&str], layout: Layout, environment: &[&'static CStr]) -> i32 {
    let signals = runtime::signal_fd(ENDING | bit(SIGCHLD) | bit(SIGIO));
    let (options, problems) = options::watch(args);
    let (mut server, taken) = Server::listen(options.port);
    taken.iter().for_each(server::report);
    if !problems.is_empty() {
        return idle(&problems, &mut server, signals.as_ref(), &options);
    }
    // Watched first, then read: no change falls between.
    let directories = options.volumes.iter().map(|volume| layout.directory(volume)).collect();
    let mut watcher = Watcher::new(directories, clock::now());
    let mut agent = Agent::start(options, layout, watcher.all_atomic(), crate::panics::count(environment));
    agent.warnings.extend(taken);
    log::info("watching")
        .string("reload", agent.options.way.name())
        .number("volumes", agent.volumes.len() as u64)
        .write();
    loop {
        let changed = watcher.look(clock::now());
        agent.changed(&changed);
        agent.tick();
        let how = watcher.how();
        server.serve(&|path| agent.page(path, how));
        let deadlines = [watcher.deadline(), agent.deadline(), server.deadline()];
        let mut polled: Vec<PollFd<'_>> = signals.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        polled.extend(watcher.descriptor().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        agent.descriptors(&mut polled);
        server.descriptors(&mut polled);
        wait(&mut polled, deadlines.into_iter().flatten().min());
        drop(polled);
        let came = signals.as_ref().map_or(0, pending);
        if came & ENDING != 0 {
            log::info("stopping").write();
            return 0;
        }
        if came & bit(SIGIO) != 0 {
            watcher.notified(clock::now());
        }
        reap(|pid, status| agent.reaped(pid, status));
    }
}

/// Waits for an event or a deadline (milliseconds since boot).
fn wait(polled: &mut [PollFd<'_>], deadline: Option<u64>) {
    let timeout = deadline.map(|deadline| {
        let left = deadline.saturating_sub(clock::now());
        Timespec { tv_sec: (left / 1000) as i64, tv_nsec: (left % 1000 * 1_000_000) as i64 }
    });
    let _ = poll(polled, timeout.as_ref());
}

/// The signals that came.
fn pending(signals: &OwnedFd) -> u64 {
    let mut buffer = [0; 128];
    let mut came = 0;
    while let Ok(128) = rustix::io::read(signals.as_fd(), &mut buffer) {
        came |= bit(u32::from_ne_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]));
    }
    came
}

/// Takes away children that ended: its own, and as PID 1 of its container any orphan.
fn reap(mut tell: impl FnMut(i32, Ended)) {
    while let Ok(Some((pid, status))) = wait_child(WaitOptions::NOHANG) {
        let signal = status.terminating_signal().unwrap_or(0);
        tell(pid.as_raw_nonzero().get(), status.exit_status().map_or(Ended::Signal(signal), Ended::Code));
    }
}

/// With options that can't be used: says so, on its port and in its log, until SIGTERM.
fn idle(problems: &[Problem], server: &mut Server, signals: Option<&OwnedFd>, options: &options::Options) -> i32 {
    problems.iter().for_each(|problem| {
        log::error("bad option").string("code", problem.code.text()).string("error", &problem.message).write();
    });
    let counters = agent::report::Counters::default();
    let at = clock::wall();
    let report = agent::report::Report {
        container: options.want.container.as_deref().unwrap_or_default(),
        reload: options.way.name(),
        state: "error",
        problem: problems.first().map(|problem| (problem, at)),
        warnings: &problems[1..],
        target: None,
        volumes: Vec::new(),
        counters: &counters,
        success_at: 0,
        webhook: None,
    };
    let page = |path: &str| -> Option<(&'static str, String)> {
        Some(match path {
            "/status" => ("application/json", report.status() + "\n"),
            "/metrics" => ("text/plain; version=0.0.4; charset=utf-8", report.metrics()),
            "/healthz" => ("text/plain; charset=utf-8", "ok\n".into()),
            _ => return None,
        })
    };
    loop {
        server.serve(&page);
        let mut polled: Vec<PollFd<'_>> = signals.into_iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        server.descriptors(&mut polled);
        wait(&mut polled, server.deadline());
        drop(polled);
        if signals.is_some_and(|signals| pending(signals) & ENDING != 0) {
            return 0;
        }
        reap(|_, _| {});
    }
}
