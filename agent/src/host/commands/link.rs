//! `link`: fills the directories and files that replace the app's subPath mounts, before the app starts, in the app's
//! image and as its user. It is safe to repeat until the app has started. Either an init container does it, or the agent
//! at its first start; then the container's postStart hook, for which the kubelet waits, waits until it is done.

use super::copy_tree::{Copier, copy_bytes};
use crate::host::layout::Layout;
use crate::host::volume::subpath_files::{open_source, symlink_text};
use crate::host::{clock, files, log, rights};
use agent::errors::{Code, Problem};
use agent::mountinfo::mount_points;
use agent::options::link::{self, LinkOptions};
use agent::options::watch::Options;
use agent::subpath_file::{Kind, SubPathFile};
use alloc::ffi::CString;
use alloc::{format, string::String, vec::Vec};
use core::time::Duration;
use rustix::fd::OwnedFd;
use rustix::fs::{self, CWD, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::{self, Errno};

const MOUNTINFO: &str = "/proc/self/mountinfo";
/// Far above the mount table of any container.
const MOUNTINFO_MAX_BYTES: usize = 4 << 20;

/// More than the copy of any directory takes. While a hook waits, the kubelet does nothing else for the Pod.
const WAIT_MAX_MS: u64 = 120_000;
const WAIT_STEP: Duration = Duration::from_millis(5);

/// The exit code: 1 if something that the app needs can't be created, or is not there in time.
#[inline(never)] // inlined beside watch, its locals would occupy the idle agent's stack
pub fn link(args: &[&str], layout: &Layout) -> i32 {
    let linked = match link::link(args) {
        Ok(LinkOptions { awaited: Some(container), .. }) => wait(&done_path(layout, &container)),
        Ok(options) => create(&options.parents, &options.subpath_files, &options.gated, layout),
        Err(problems) => Err(problems),
    };
    linked.map_or_else(|problems| report(&problems), |()| 0)
}

/// Does the same for `watch` with `--link`, once for the Pod: a later start of the agent finds the app running, with these
/// files. After that the agent gives up the capabilities that it had for it. The exit code, if the app may not start.
#[inline(never)]
pub fn link_once(options: &Options, problems: &[Problem], layout: &Layout) -> Result<(), i32> {
    if !options.links {
        return Ok(());
    }
    let done = done_path(layout, options.container());
    if fs::stat(done.as_str()).is_err() {
        let usable = if problems.is_empty() { Ok(()) } else { Err(problems.into()) };
        usable
            .and_then(|()| create(&options.parents, &options.subpath_files, &[], layout))
            .and_then(|()| files::replace(&done, b"", Mode::RUSR).map_err(|error| not_linked(&done, error)))
            .map_err(|problems| report(&problems))?;
    }
    rights::keep_kill_only();
    Ok(())
}

/// The file that says that the agent has linked. It lies beside the copies, where there are any: those of a Secret are in
/// memory, and after a reboot of the node both are gone. The API forbids `:` in a mountPath, so no copy has this name.
fn done_path(layout: &Layout, container: &str) -> String {
    let copies = layout.path("copy");
    if fs::stat(copies.as_str()).is_ok() { copies + "/:linked" } else { layout.state(container) + ".linked" }
}

fn wait(done: &str) -> Result<(), Vec<Problem>> {
    let end = clock::now() + WAIT_MAX_MS;
    while fs::stat(done).is_err() {
        if clock::now() > end {
            return Err(not_linked(done, Errno::TIMEDOUT));
        }
        clock::sleep(WAIT_STEP);
    }
    Ok(())
}

/// Reports the problems; the exit code.
fn report(problems: &[Problem]) -> i32 {
    log::held_back("could not link", problems);
    1
}

fn not_linked(path: &str, error: Errno) -> Vec<Problem> {
    let message = format!(
        "{path}: not prepared: {}; the app starts when it is. hotreload.dev/subpath: keep does without",
        files::describe(error)
    );
    Vec::from([Problem::new(Code::LinkFailed, message)])
}

/// `gated`: volumes whose copies get a second one, for the validator.
fn create(
    parents: &[String],
    subpath_files: &[SubPathFile],
    gated: &[String],
    layout: &Layout,
) -> Result<(), Vec<Problem>> {
    let mountinfo = files::read(CWD, MOUNTINFO, MOUNTINFO_MAX_BYTES).map_err(|error| not_linked(MOUNTINFO, error))?;
    let copier = Copier { mounts: mount_points(&mountinfo) };
    for parent in parents {
        let target = layout.path(&format!("dir{parent}"));
        copier
            .directory(parent, &target)
            .map_err(|(path, error)| not_linked(&String::from_utf8_lossy(&path), error))?;
    }
    for subpath in subpath_files {
        let created = match subpath.kind {
            Kind::Symlink => symlink(subpath, layout),
            Kind::Copy => copy(subpath, layout, &subpath.target()).and_then(|()| {
                if gated.contains(&subpath.volume) { copy(subpath, layout, &subpath.candidate()) } else { Ok(()) }
            }),
        };
        created.map_err(|error| not_linked(&subpath.mount_path, error))?;
    }
    log::info("linked").number("parents", parents.len() as u64).number("files", subpath_files.len() as u64).write();
    Ok(())
}

fn symlink(subpath: &SubPathFile, layout: &Layout) -> io::Result<()> {
    let (directory, name) = open_parent(&layout.path(&subpath.target()))?;
    files::remove(&directory, &name)?;
    fs::symlinkat(symlink_text(subpath, layout).as_str(), &directory, name.as_c_str())
}

/// The directory of a path, which is created if it is missing, and the last part.
fn open_parent(path: &str) -> io::Result<(OwnedFd, CString)> {
    let (parent, name) = path.rsplit_once('/').ok_or(Errno::INVAL)?;
    files::make_directories(parent)?;
    Ok((files::open_directory(CWD, parent)?, CString::new(name).map_err(|_| Errno::INVAL)?))
}

fn copy(subpath: &SubPathFile, layout: &Layout, target: &str) -> io::Result<()> {
    let source = match source(subpath, layout) {
        // The kubelet then creates a directory at the mount, as it does without us.
        Err(Errno::NOENT) => {
            log::warn("key missing, no copy made").string("path", &subpath.mount_path).write();
            return Ok(());
        }
        Err(Errno::ACCESS) => None,
        found => Some(found?),
    };
    let (directory, name) = open_parent(&layout.path(target))?;
    files::remove(&directory, &name)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let target = fs::openat(&directory, name.as_c_str(), flags, Mode::from_raw_mode(0o600))?;
    match source {
        Some((file, stat)) => copy_bytes(&file, &target).and_then(|()| copy_owner_and_mode(&target, &stat)),
        None => {
            log::warn("key not readable for this user, copy left empty").string("path", &subpath.mount_path).write();
            fs::fchmod(&target, Mode::empty())
        }
    }
}

fn source(subpath: &SubPathFile, layout: &Layout) -> io::Result<(OwnedFd, Stat)> {
    let file = open_source(subpath, &layout.volume(&subpath.volume))?;
    let stat = fs::fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok((file, stat)),
        FileType::Directory => Err(Errno::ISDIR),
        _ => Err(Errno::INVAL),
    }
}

/// Sets the owner of `stat` where that is permitted (a group of one's own, such as fsGroup, is), and the mode.
fn copy_owner_and_mode(file: &OwnedFd, stat: &Stat) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    if fs::fchown(file, Some(user), Some(group)).is_err() {
        let _ = fs::fchown(file, None, Some(group));
    }
    files::set_copied_mode(file, stat)
}
