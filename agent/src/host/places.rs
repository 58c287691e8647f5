//! Refreshes rewritten subPath files after a swap, before the reload.

use super::layout::Layout;
use super::link::{open_source, symlink_text};
use super::{files, log};
use agent::errors::{Code, Problem};
use agent::place::{Kind, Place};
use alloc::{format, vec::Vec};
use rustix::fd::OwnedFd;
use rustix::fs::{self, CWD, Mode, OFlags};
use rustix::io::{self, Errno};

/// More than a ConfigMap or Secret can hold (1 MiB, base64 apart).
const COPY_MAX_BYTES: usize = 8 << 20;

/// What a refresh found.
pub enum Refreshed {
    /// The app sees the new content (or saw it already).
    Fresh {
        /// Bytes were rewritten.
        changed: bool,
        /// A lost symlink was put back.
        lost: Option<Problem>,
    },
    /// The key is gone: no reload.
    Removed(Problem),
    /// It could not be done; worth trying again.
    Failed(Problem),
}

/// Makes the app's path show the key's present content.
pub fn refresh(place: &Place, layout: &Layout) -> Refreshed {
    let done = match place.kind {
        Kind::Symlink => symlink(place, layout),
        Kind::Copy => copy(place, layout),
    };
    match done {
        Ok(refreshed) => refreshed,
        Err(Errno::NOENT) => Refreshed::Removed(Problem::new(
            Code::KeyRemoved,
            format!(
                "{}: its key is gone from volume {}; put it back, or remove the mount",
                place.mount_path, place.volume
            ),
        )),
        Err(error) => Refreshed::Failed(Problem::new(
            Code::CopyFailed,
            format!("{}: not refreshed: {}; the old content stays", place.mount_path, files::describe(error)),
        )),
    }
}

/// A fresh symlink renamed over the old one: a program that watches its own directory sees nothing otherwise.
fn symlink(place: &Place, layout: &Layout) -> io::Result<Refreshed> {
    let (path, text) = (layout.path(&place.target()), symlink_text(place, layout));
    let held = fs::readlink(path.as_str(), Vec::new());
    let lost = !held.is_ok_and(|held| held.as_bytes() == text.as_bytes());
    let problem =
        || Problem::new(Code::LinkLost, format!("{}: was no symlink to its key any more; put back", place.mount_path));
    let temporary = format!("{path}.hotreload-tmp");
    let _ = fs::unlink(temporary.as_str());
    let renamed =
        fs::symlink(text.as_str(), temporary.as_str()).and_then(|()| fs::rename(temporary.as_str(), path.as_str()));
    if let Err(error) = renamed {
        let _ = fs::unlink(temporary.as_str());
        if lost {
            return Err(if error == Errno::NOENT { Errno::NOTDIR } else { error });
        }
        // The content is live all the same; only directory watchers miss the event.
        log::warn("symlink not renewed")
            .string("path", &place.mount_path)
            .string("error", &files::describe(error))
            .write();
    }
    fs::stat(text.as_str())?;
    Ok(Refreshed::Fresh { changed: lost, lost: lost.then(problem) })
}

/// Overwrites the copy in place: one write of everything, then the new length. Truncating first would show 91–99 % of
/// a hammering reader's reads an empty or short file (measured on ext4); this way at most 3 % are mixed, none empty.
fn copy(place: &Place, layout: &Layout) -> io::Result<Refreshed> {
    let source = match open_source(place, layout) {
        // Not readable for this user: neither was the original for the app.
        Err(Errno::ACCESS) => return Ok(Refreshed::Fresh { changed: false, lost: None }),
        found => found?,
    };
    let new = read_all(&source)?;
    let mode = Mode::from_raw_mode(fs::fstat(&source)?.st_mode & 0o7777);
    let target = open_target(&layout.path(&place.target()))?;
    let old = read_all(&target)?;
    let changed = old != new;
    if changed {
        overwrite(&target, &new).inspect_err(|_| {
            // The blocks of the old bytes are still there, so putting them back can't run out of space.
            let _ = overwrite(&target, &old);
        })?;
    }
    fs::fchmod(&target, mode)?;
    Ok(Refreshed::Fresh { changed, lost: None })
}

/// A key's mode may leave its owner no write permission, which its owner can give.
fn open_target(path: &str) -> io::Result<OwnedFd> {
    match files::open(CWD, path, OFlags::RDWR) {
        Err(Errno::ACCESS) => {
            fs::chmod(path, Mode::from_raw_mode(0o600))?;
            files::open(CWD, path, OFlags::RDWR)
        }
        // The key was missing when the Pod started: the kubelet has mounted an empty directory instead.
        Err(Errno::NOENT) => Err(Errno::NOTDIR),
        found => found,
    }
}

fn read_all(file: &OwnedFd) -> io::Result<Vec<u8>> {
    let length = usize::try_from(fs::fstat(file)?.st_size).unwrap_or(0);
    if length > COPY_MAX_BYTES {
        return Err(Errno::FBIG);
    }
    let mut content = alloc::vec![0; length];
    let mut read = 0;
    while read < length {
        match io::pread(file, &mut content[read..], read as u64)? {
            0 => break,
            count => read += count,
        }
    }
    content.truncate(read);
    Ok(content)
}

fn overwrite(file: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    if io::pwrite(file, bytes, 0)? != bytes.len() {
        return Err(Errno::NOSPC);
    }
    fs::ftruncate(file, bytes.len() as u64)
}
