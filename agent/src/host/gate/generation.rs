//! One generation of a gated volume's files, in a directory that looks to every program as the kubelet's volume does: the
//! same events in the same order, one generation, `..data`, a symlink for each key. A generation's name is the checksum of
//! its content, so a power cut that tore it does not go unnoticed. A process that is killed at any instruction leaves the
//! directory whole.

use crate::host::commands::copy_tree::copy_bytes;
use crate::host::files;
use crate::host::volume::read::{check_not_removed, feed, open_data};
use crate::host::volume::tree::{Failure, Tree};
use agent::change::DATA;
use agent::digest::Sha256;
use alloc::{ffi::CString, format, string::String, vec::Vec};
use rustix::fd::OwnedFd;
use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::{self, Errno};

const DATA_TMP: &str = "..data_tmp";

/// The checksum of a volume's content, as /status shows it.
pub fn checksum(directory: &str) -> Result<String, Failure> {
    let volume = files::open_directory(CWD, directory)?;
    check_not_removed(&volume)?;
    checksum_of(&open_data(&volume)?)
}

fn checksum_of(root: &OwnedFd) -> Result<String, Failure> {
    let mut hash = Sha256::default();
    feed(root, &[], &mut hash)?;
    Ok(hash.finish())
}

/// The same of a directory that `replace` wrote; None where it is not whole.
pub fn whole(directory: &str) -> Option<String> {
    let checksum = checksum(directory).ok()?;
    (current(directory).as_deref() == Some(&name_of(&checksum))).then_some(checksum)
}

/// Makes the content of volume `from`, whose checksum is `expected`, that of directory `to`. EIO: it is another one than
/// what was written.
pub fn replace(from: &str, to: &str, expected: &str) -> Result<(), Failure> {
    let target = files::open_directory(CWD, to)?;
    let name = name_of(expected);
    let is_there = current(to).as_deref() == Some(&name);
    let swapped = if is_there { Ok(()) } else { swap(from, &target, &name, expected) };
    // Also what a failure left. What a killed process left is gone since the start.
    let tidied = tidy(&target);
    swapped?;
    Ok(tidied?)
}

fn swap(from: &str, target: &OwnedFd, name: &str, expected: &str) -> Result<(), Failure> {
    let source = open_data(&files::open_directory(CWD, from)?)?;
    let generation = write(&source, target, name)?;
    // It reads what was written, so this is also the test of that.
    if checksum_of(&generation)? != expected {
        return Err(Errno::IO.into());
    }
    fs::symlinkat(name, target, DATA_TMP)?;
    Ok(fs::renameat(target, DATA_TMP, target, DATA)?)
}

/// Does what a killed process left undone, in the kubelet's order: symlinks of new keys, those of old ones, old generations.
pub fn tidy(directory: &OwnedFd) -> io::Result<()> {
    let generation = fs::readlinkat(directory, DATA, Vec::new()).ok();
    let keys = match &generation {
        Some(_) => files::names(open_data(directory)?)?,
        None => Vec::new(),
    };
    // A descriptor of its own: each lists its directory once.
    let names = files::names(files::open_directory(directory, c".")?)?;
    for key in keys.iter().filter(|key| !names.contains(key)) {
        fs::symlinkat([DATA.as_bytes(), b"/", key.as_bytes()].concat(), directory, key.as_c_str())?;
    }
    let is_ours = |name: &CString| name.as_bytes().starts_with(b"..");
    for name in names.iter().filter(|name| !is_ours(name) && !keys.contains(name)) {
        // A directory beside the keys is a mount point.
        let stat = fs::statat(directory, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            fs::unlinkat(directory, name.as_c_str(), AtFlags::empty())?;
        }
    }
    for name in names.iter().filter(|name| is_ours(name) && name.as_bytes() != DATA.as_bytes()) {
        if generation.as_ref() != Some(name) {
            files::remove(directory, name)?;
        }
    }
    Ok(())
}

/// Writes the files of `source` to a new directory.
fn write(source: &OwnedFd, target: &OwnedFd, name: &str) -> Result<OwnedFd, Failure> {
    fs::mkdirat(target, name, Mode::from_raw_mode(0o755))?;
    let generation = files::open_directory(target, name)?;
    // Whatever the umask. A set-group-ID bit gives the files the volume's group (fsGroup).
    fs::fchmod(&generation, Mode::from_raw_mode(0o755 | fs::fstat(&generation)?.st_mode & 0o2000))?;
    for path in Tree::list(source)?.files {
        make_parents(&generation, path.as_bytes())?;
        let stat = fs::fstat(files::open_beneath(source, path.as_bytes(), OFlags::PATH)?)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let to = fs::openat(&generation, path.as_c_str(), flags, Mode::from_raw_mode(0o600))?;
        let mode = match files::open_beneath(source, path.as_bytes(), OFlags::RDONLY | OFlags::NONBLOCK) {
            Ok(from) => {
                copy_bytes(&from, &to)?;
                files::readable_alike(stat.st_mode)
            }
            // The program runs as this user, so it can't read the key either. Size and time stand for the content.
            Err(Errno::ACCESS) => {
                fs::ftruncate(&to, stat.st_size as u64)?;
                fs::futimens(&to, &files::times(&stat))?;
                0
            }
            Err(error) => return Err(error.into()),
        };
        fs::fchmod(&to, Mode::from_raw_mode(mode))?;
    }
    Ok(generation)
}

fn make_parents(generation: &OwnedFd, path: &[u8]) -> io::Result<()> {
    for end in path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at) {
        match fs::mkdirat(generation, &path[..end], Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn current(directory: &str) -> Option<String> {
    fs::readlink(format!("{directory}/{DATA}").as_str(), Vec::new()).ok()?.into_string().ok()
}

/// ext4 keeps a symlink of up to 59 bytes in its inode. A longer one takes a block, and a rename that replaces one writes it
/// to the disk at once, for a millisecond.
fn name_of(checksum: &str) -> String {
    format!("..{checksum:.56}")
}
