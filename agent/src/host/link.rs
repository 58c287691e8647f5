//! `link`: before the app starts, fills the directories and files that take the place of its subPath mounts. Runs once,
//! in the app's image and as its user; repeating it is harmless.

use super::copy_tree::{Copier, copy_bytes};
use super::layout::Layout;
use super::{files, log};
use agent::mountinfo::mount_points;
use agent::once::{self, Link};
use agent::place::{Kind, Place};
use alloc::ffi::CString;
use alloc::string::String;
use rustix::fd::OwnedFd;
use rustix::fs::{self, CWD, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::{self, Errno};

/// Far above the mount table of any container.
const MOUNTINFO_MAX_BYTES: usize = 4 << 20;

/// Exit code: 1 when something the app needs can't be made.
#[inline(never)] // in one function with watch, its locals would be on the idle agent's stack
pub fn link(args: &[&str], layout: &Layout) -> i32 {
    let wanted = match once::link(args) {
        Ok(wanted) => wanted,
        Err(problems) => {
            problems.iter().for_each(|problem| log::error("bad option").string("error", &problem.sentence()).write());
            return 1;
        }
    };
    match make(&wanted, layout) {
        Ok(()) => {
            log::info("linked")
                .number("parents", wanted.parents.len() as u64)
                .number("files", wanted.places.len() as u64)
                .write();
            0
        }
        Err((path, error)) => {
            log::error("could not link").string("path", &path).string("error", &files::describe(error)).write();
            1
        }
    }
}

fn make(wanted: &Link, layout: &Layout) -> Result<(), (String, Errno)> {
    let mountinfo = files::read(CWD, "/proc/self/mountinfo", MOUNTINFO_MAX_BYTES);
    let copier = Copier { mounts: mount_points(&mountinfo.map_err(|error| ("/proc/self/mountinfo".into(), error))?) };
    for parent in &wanted.parents {
        let target = layout.path(&alloc::format!("dir{parent}"));
        copier
            .directory(parent, &target)
            .map_err(|(path, error)| (String::from_utf8_lossy(&path).into_owned(), error))?;
    }
    for place in &wanted.places {
        let made = match place.kind {
            Kind::Symlink => symlink(place, layout),
            Kind::Copy => copy(place, layout),
        };
        made.map_err(|error| (place.mount_path.clone(), error))?;
    }
    Ok(())
}

fn symlink(place: &Place, layout: &Layout) -> io::Result<()> {
    let (directory, name) = open_parent(&layout.path(&place.target()))?;
    files::remove(&directory, &name)?;
    fs::symlinkat(symlink_text(place, layout).as_str(), &directory, name.as_c_str())
}

/// Where the symlink of a place leads: through `..data`, unless the volume is known to be written in place.
pub fn symlink_text(place: &Place, layout: &Layout) -> String {
    let direct = alloc::format!("{}/{}", layout.volume(&place.volume), place.path);
    let in_place = !is_atomic(&layout.volume(&place.volume)) && fs::stat(direct.as_str()).is_ok();
    if in_place { direct } else { layout.path(&place.source()) }
}

/// The directory of a path, made where it is missing, and the last part.
fn open_parent(path: &str) -> io::Result<(OwnedFd, CString)> {
    let (parent, name) = path.rsplit_once('/').ok_or(Errno::INVAL)?;
    files::make_directories(parent)?;
    Ok((files::open_directory(CWD, parent)?, CString::new(name).map_err(|_| Errno::INVAL)?))
}

fn copy(place: &Place, layout: &Layout) -> io::Result<()> {
    let source = match source(place, layout) {
        // The kubelet then makes a directory at the mount, as it does without us.
        Err(Errno::NOENT) => {
            log::warn("key not there, no copy made").string("path", &place.mount_path).write();
            return Ok(());
        }
        Err(Errno::ACCESS) => None,
        found => Some(found?),
    };
    let (directory, name) = open_parent(&layout.path(&place.target()))?;
    files::remove(&directory, &name)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let target = fs::openat(&directory, name.as_c_str(), flags, Mode::from_raw_mode(0o600))?;
    match source {
        Some((file, stat)) => copy_bytes(&file, &target).and_then(|()| like(&target, &stat)),
        None => {
            log::warn("key not readable for this user, copy left empty").string("path", &place.mount_path).write();
            fs::fchmod(&target, Mode::empty())
        }
    }
}

fn source(place: &Place, layout: &Layout) -> io::Result<(OwnedFd, Stat)> {
    let file = open_source(place, layout)?;
    let stat = fs::fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok((file, stat)),
        FileType::Directory => Err(Errno::ISDIR),
        _ => Err(Errno::INVAL),
    }
}

/// Opens the key behind a place: through `..data` where there is one, else (volumes written in place) directly.
pub fn open_source(place: &Place, layout: &Layout) -> io::Result<OwnedFd> {
    let path = layout.path(&place.source());
    match files::open(CWD, path.as_str(), OFlags::RDONLY | OFlags::NONBLOCK) {
        Err(Errno::NOENT) if !is_atomic(&layout.volume(&place.volume)) => {
            let path = alloc::format!("{}/{}", layout.volume(&place.volume), place.path);
            files::open(CWD, path.as_str(), OFlags::RDONLY | OFlags::NONBLOCK)
        }
        found => found,
    }
}

/// Whether a volume's directory has the kubelet's `..data`.
pub fn is_atomic(directory: &str) -> bool {
    fs::lstat(alloc::format!("{directory}/..data").as_str())
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

/// Owner (where permitted; a group of one's own, such as the Pod's fsGroup, is) and mode of `stat`.
pub fn like(file: &OwnedFd, stat: &Stat) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    if fs::fchown(file, Some(user), Some(group)).is_err() {
        let _ = fs::fchown(file, None, Some(group));
    }
    fs::fchmod(file, Mode::from_raw_mode(stat.st_mode & 0o7777))
}
