//! `gate`: the first publish of gated volumes, before the program starts, with the flags of `watch`. It ends once every
//! volume has something published. Where the Pod has to wait, for other content or for room on the disk, the command ends
//! once with the reason as its container's termination message, and after that waits in place: a container that ends again
//! and again would be started after minutes only. It answers /status while it waits.

use crate::host::child::Ended;
use crate::host::clock;
use crate::host::events::{SIGCHLD, SIGINT, SIGTERM, bit, reap, received_signals, wait};
use crate::host::files;
use crate::host::gate::Gate;
use crate::host::layout::Layout;
use crate::host::log;
use crate::host::main_loop::watched_directories;
use crate::host::procfs::Proc;
use crate::host::server::Server;
use crate::host::volume::subpath_files::{self, Refreshed};
use crate::host::volume::watcher::Watcher;
use crate::runtime;
use agent::errors::Problem;
use agent::options::watch::{self, Options};
use agent::report::counters::Counters;
use agent::report::{Report, VolumeReport, gate_state};
use agent::subpath_file::{Kind, SubPathFile};
use alloc::vec::Vec;
use alloc::{format, string::String};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{self, CWD, FileType, Mode, OFlags};
use rustix::io::{self, Errno};

/// The exit code: 0 once the program can start, 1 where it can't yet.
#[inline(never)] // inlined beside watch, its locals would occupy the idle agent's stack
pub fn gate(args: &[&str], layout: &Layout) -> i32 {
    let signals = runtime::signal_fd(bit(SIGTERM) | bit(SIGINT) | bit(SIGCHLD));
    let (options, problems) = watch::watch(args);
    problems.iter().for_each(|problem| log::error("bad option").string("error", &problem.sentence()).write());
    if !problems.is_empty() {
        return 1;
    }
    let mut watcher = Watcher::new(watched_directories(&options, layout), clock::now());
    let Some(mut gate) = Gate::start(&options, layout, true) else { return 0 };
    for mount in &options.mount_points {
        if let Err(error) = make_mount_point(mount, layout) {
            log::error("no mount point")
                .string("path", &mount.mount_path)
                .string("error", &files::describe(error))
                .write();
            return 1;
        }
    }
    let mut counters = Counters::default();
    let mut page =
        Page { options: &options, server: None, reported: None, pod: Proc::open().ok().and_then(|proc| proc.pod) };
    loop {
        gate.advance(true, None, &mut counters);
        if gate.is_open() {
            return finish(&options, layout);
        }
        if page.has_new_problem(&gate) && end_once(&options, layout) {
            return 1;
        }
        page.serve(&gate, &counters);
        let mut polled: Vec<PollFd<'_>> = signals.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        polled.extend(watcher.descriptor().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        gate.descriptors(&mut polled);
        page.server.iter().for_each(|server| server.descriptors(&mut polled));
        let deadlines = [gate.deadline(true), watcher.deadline(), page.server.as_ref().and_then(Server::deadline)];
        wait(&mut polled, deadlines.into_iter().flatten().min());
        let mut received = signals.as_ref().map(received_signals).unwrap_or_default().into_iter();
        if received.any(|received| matches!(received.signal, SIGTERM | SIGINT)) {
            return 1;
        }
        for index in watcher.changes(clock::now()) {
            match options.volumes.get(index) {
                Some(volume) if volume.gated => gate.changed(),
                Some(_) => gate.nudged(),
                None => gate.read_approvals(),
            }
        }
        reap(|pid, status: Ended| drop(gate.child_ended(pid, status, None, &mut counters)));
    }
}

/// Ends this run where it is the first that has to wait: whether it does. The reason is then in the Pod's status.
fn end_once(options: &Options, layout: &Layout) -> bool {
    let Some(volume) = options.volumes.iter().find(|volume| volume.gated) else { return false };
    let marker = layout.gate(&volume.name, "has-ended");
    if fs::access(marker.as_str(), fs::Access::EXISTS).is_ok() {
        return false;
    }
    files::replace(&marker, &[], Mode::from_raw_mode(0o600)).is_ok()
}

/// The copies that replace the program's subPath mounts show what is published.
fn finish(options: &Options, layout: &Layout) -> i32 {
    for file in options.subpath_files.iter().filter(|file| file.kind == Kind::Copy) {
        let Some(volume) = options.volumes.iter().find(|volume| volume.name == file.volume && volume.gated) else {
            continue;
        };
        if let Refreshed::Failed(problem) = subpath_files::refresh(file, true, &layout.directory(volume), layout) {
            log::error("could not link").string("error", &problem.sentence()).write();
            return 1;
        }
    }
    log::info("the program can start").write();
    0
}

/// Makes what the runtime needs for a mount below that of a gated volume: a directory or a file, whichever this container has
/// there. It belongs to no generation.
fn make_mount_point(mount: &SubPathFile, layout: &Layout) -> io::Result<()> {
    let kind = FileType::from_raw_mode(fs::stat(mount.mount_path.as_str())?.st_mode);
    let point = format!("{}/{}", layout.gate(&mount.volume, crate::host::layout::PUBLISHED), mount.path);
    if kind == FileType::Directory {
        return files::make_directories(&point);
    }
    files::make_directories(point.rsplit_once('/').ok_or(Errno::INVAL)?.0)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
    fs::openat(CWD, point.as_str(), flags, Mode::from_raw_mode(0o644)).map(drop)
}

/// What the command answers while the Pod waits, at the agent's port.
struct Page<'a> {
    options: &'a Options,
    server: Option<Server>,
    /// The last problem that was logged, and when it began.
    reported: Option<(Problem, u64)>,
    pod: Option<String>,
}

impl Page<'_> {
    /// Logs a problem for which the Pod has to wait: whether it is a new one.
    fn has_new_problem(&mut self, gate: &Gate) -> bool {
        let Some(problem) = gate.problem().filter(|_| gate.is_closed()) else { return false };
        if self.reported.as_ref().is_some_and(|(reported, _)| reported == problem) {
            return false;
        }
        log::held_back("the app has to wait", core::slice::from_ref(problem));
        self.reported = Some((problem.clone(), clock::wall()));
        true
    }

    fn serve(&mut self, gate: &Gate, counters: &Counters) {
        if self.server.is_none() && gate.is_closed() {
            self.server = Some(Server::listen(self.options.port));
        }
        let Some(mut server) = self.server.take() else { return };
        server.serve(&|path| self.report(gate, counters).page(path));
        self.server = Some(server);
    }

    fn report<'a>(&'a self, gate: &'a Gate, counters: &'a Counters) -> Report<'a> {
        let volumes = self.options.volumes.iter().enumerate().map(|(index, volume)| VolumeReport {
            name: &volume.name,
            watch: "inotify",
            seen: None,
            loaded: None,
            current: false,
            loaded_at: 0,
            sha256: None,
            gate: gate.report(index),
        });
        let volumes: Vec<VolumeReport<'_>> = volumes.collect();
        let state = match gate_state(&volumes) {
            Some("held") => "held",
            _ if gate.is_closed() => "error",
            _ => "validating",
        };
        Report {
            pod: self.pod.as_deref(),
            container: self.options.target.container.as_deref().unwrap_or_default(),
            reload: self.options.method.name(),
            state,
            reload_state: state,
            problem: self.reported.as_ref().map(|(problem, at)| (problem, *at)),
            warnings: &[],
            target: None,
            volumes,
            counters,
            log_lines_dropped: log::dropped(),
            success_at: 0,
            webhook: None,
        }
    }
}
