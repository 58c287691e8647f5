//! `watch`: the sidecar's one loop. It ends at SIGTERM, and at nothing else: a native sidecar that exits takes the app's
//! Pod out of its Services.

use super::agent::Agent;
use super::events::{ENDING, SIGCHLD, SIGIO, bit, pending, reap, wait};
use super::inotify::Watcher;
use super::layout::Layout;
use super::server::{self, Server};
use super::{clock, log};
use crate::runtime;
use agent::counters::Counters;
use agent::errors::Problem;
use agent::options::{self, Options};
use agent::report::Report;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;

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
    say(&agent);
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
        let seen = signals.as_ref().map_or(0, came);
        if seen & ENDING != 0 {
            log::info("stopping").write();
            return 0;
        }
        if seen & bit(SIGIO) != 0 {
            watcher.notified(clock::now());
        }
        reap(|pid, status| agent.reaped(pid, status));
    }
}

/// The first log line.
pub(super) fn say(agent: &Agent) {
    log::info("watching")
        .string("reload", agent.options.way.name())
        .number("volumes", agent.volumes.len() as u64)
        .write();
}

/// The signals that came, as a mask.
fn came(signals: &OwnedFd) -> u64 {
    pending(signals).iter().fold(0, |all, came| all | bit(came.signal))
}

/// With options that can't be used: says so, on its port and in its log, until SIGTERM.
fn idle(problems: &[Problem], server: &mut Server, signals: Option<&OwnedFd>, options: &Options) -> i32 {
    let page = unusable(problems, options);
    loop {
        server.serve(&page);
        let mut polled: Vec<PollFd<'_>> = signals.into_iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        server.descriptors(&mut polled);
        wait(&mut polled, server.deadline());
        drop(polled);
        if signals.is_some_and(|signals| came(signals) & ENDING != 0) {
            return 0;
        }
        reap(|_, _| {});
    }
}

/// Logs what is wrong with the options; the pages that say so.
pub(super) fn unusable<'a>(
    problems: &'a [Problem],
    options: &'a Options,
) -> impl Fn(&str) -> Option<(&'static str, String)> + 'a {
    problems.iter().for_each(|problem| {
        log::error("bad option").string("code", problem.code.text()).string("error", &problem.message).write();
    });
    let counters = Counters::default();
    let at = clock::wall();
    move |path| {
        let report = Report {
            container: options.want.container.as_deref().unwrap_or_default(),
            reload: options.way.name(),
            state: "error",
            problem: problems.first().map(|problem| (problem, at)),
            warnings: problems.get(1..).unwrap_or_default(),
            target: None,
            volumes: Vec::new(),
            counters: &counters,
            success_at: 0,
            webhook: None,
        };
        report.page(path)
    }
}
