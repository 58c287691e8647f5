//! `link`: fills the directories and files that replace the app's subPath mounts, before the app starts. It runs once, in
//! the app's image and as its user. It is safe to repeat.

use super::copy_tree::{Copier, copy_bytes};
use crate::host::layout::Layout;
use crate::host::volume::subpath_files::{open_source, symlink_text};
use crate::host::{files, log};
use agent::mountinfo::mount_points;
use agent::options::link::{self, LinkOptions};
use agent::subpath_file::{Kind, SubPathFile};
use alloc::ffi::CString;
use alloc::string::String;
use rustix::fd::OwnedFd;
use rustix::fs::{self, CWD, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::{self, Errno};

/// Far above the mount table of any container.
const MOUNTINFO_MAX_BYTES: usize = 4 << 20;

/// The exit code: 1 if something that the app needs can't be created.
#[inline(never)] // inlined beside watch, its locals would occupy the idle agent's stack
pub fn link(args: &[&str], layout: &Layout) -> i32 {
    let options = match link::link(args) {
        Ok(options) => options,
        Err(problems) => {
            problems.iter().for_each(|problem| log::error("bad option").string("error", &problem.sentence()).write());
            return 1;
        }
    };
    match create(&options, layout) {
        Ok(()) => {
            log::info("linked")
                .number("parents", options.parents.len() as u64)
                .number("files", options.subpath_files.len() as u64)
                .write();
            0
        }
        Err((path, error)) => {
            log::error("could not link").string("path", &path).string("error", &files::describe(error)).write();
            1
        }
    }
}

fn create(options: &LinkOptions, layout: &Layout) -> Result<(), (String, Errno)> {
    let mountinfo = files::read(CWD, "/proc/self/mountinfo", MOUNTINFO_MAX_BYTES);
    let copier = Copier { mounts: mount_points(&mountinfo.map_err(|error| ("/proc/self/mountinfo".into(), error))?) };
    for parent in &options.parents {
        let target = layout.path(&alloc::format!("dir{parent}"));
        copier
            .directory(parent, &target)
            .map_err(|(path, error)| (String::from_utf8_lossy(&path).into_owned(), error))?;
    }
    for subpath in &options.subpath_files {
        let created = match subpath.kind {
            Kind::Symlink => symlink(subpath, layout),
            Kind::Copy => copy(subpath, layout),
        };
        created.map_err(|error| (subpath.mount_path.clone(), error))?;
    }
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

fn copy(subpath: &SubPathFile, layout: &Layout) -> io::Result<()> {
    let source = match source(subpath, layout) {
        // The kubelet then creates a directory at the mount, as it does without us.
        Err(Errno::NOENT) => {
            log::warn("key missing, no copy made").string("path", &subpath.mount_path).write();
            return Ok(());
        }
        Err(Errno::ACCESS) => None,
        found => Some(found?),
    };
    let (directory, name) = open_parent(&layout.path(&subpath.target()))?;
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
    let file = open_source(subpath, layout)?;
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
