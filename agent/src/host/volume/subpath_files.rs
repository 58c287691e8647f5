//! Refreshes rewritten subPath files after a swap, before the reload.

use super::read::is_atomic;
use crate::host::layout::Layout;
use crate::host::{files, log};
use agent::change;
use agent::errors::{Code, Problem};
use agent::subpath_file::{Kind, SubPathFile};
use alloc::{format, string::String, vec::Vec};
use rustix::fd::OwnedFd;
use rustix::fs::{self, CWD, Mode, OFlags};
use rustix::io::{self, Errno};

/// More than a ConfigMap or Secret can hold (1 MiB, base64 apart).
const COPY_MAX_BYTES: usize = 8 << 20;

/// The result of a refresh.
pub enum Refreshed {
    /// The app sees the current content.
    Fresh {
        /// The refresh changed what the app sees.
        changed: bool,
        /// A problem of this place alone.
        warning: Option<Problem>,
    },
    /// The key is gone: the content must not be loaded.
    Removed(Problem),
    /// The refresh failed; a retry may succeed.
    Failed(Problem),
}

/// Makes the app's path show the key's current content, which is in the volume's `directory`. The key may be absent where
/// the volume is `optional`.
pub fn refresh(subpath: &SubPathFile, optional: bool, directory: &str, layout: &Layout) -> Refreshed {
    let result = match subpath.kind {
        Kind::Symlink => symlink(subpath, layout),
        Kind::Copy => copy(subpath, directory, &layout.path(&subpath.target())),
    };
    match result {
        Ok(refreshed) => refreshed,
        Err(Errno::NOENT) if optional => {
            let message = format!(
                "{}: its key is absent from the optional volume {}; everything else is reloaded",
                subpath.mount_path, subpath.volume
            );
            Refreshed::Fresh { changed: false, warning: Some(Problem::new(Code::KeyAbsent, message)) }
        }
        Err(Errno::NOENT) => Refreshed::Removed(Problem::new(
            Code::KeyRemoved,
            format!(
                "{}: its key is gone from volume {}; put it back, or remove the mount",
                subpath.mount_path, subpath.volume
            ),
        )),
        Err(error) => Refreshed::Failed(Problem::new(
            Code::CopyFailed,
            format!("{}: not refreshed: {}; the old content stays", subpath.mount_path, files::describe(error)),
        )),
    }
}

/// Renames a new symlink over the old one. Otherwise a program that watches its own directory would see no event.
fn symlink(subpath: &SubPathFile, layout: &Layout) -> io::Result<Refreshed> {
    let (path, text) = (layout.path(&subpath.target()), symlink_text(subpath, layout));
    let current = fs::readlink(path.as_str(), Vec::new());
    let lost = !current.is_ok_and(|current| current.as_bytes() == text.as_bytes());
    let problem = || {
        Problem::new(
            Code::LinkLost,
            format!("{}: was not a symlink to its key any more; the agent put it back", subpath.mount_path),
        )
    };
    let temporary = format!("{path}.hotreload-tmp");
    let _ = fs::unlink(temporary.as_str());
    let renamed =
        fs::symlink(text.as_str(), temporary.as_str()).and_then(|()| fs::rename(temporary.as_str(), path.as_str()));
    if let Err(error) = renamed {
        let _ = fs::unlink(temporary.as_str());
        if lost {
            return Err(if error == Errno::NOENT { Errno::NOTDIR } else { error });
        }
        // The app sees the new content all the same; only a watch on the directory misses the event.
        log::warn("symlink not renewed")
            .string("path", &subpath.mount_path)
            .string("error", &files::describe(error))
            .write();
    }
    fs::stat(text.as_str())?;
    Ok(Refreshed::Fresh { changed: lost, warning: lost.then(problem) })
}

/// Overwrites the copy in place: one write of everything, then the new length. After a truncation, 91–99 % of the reads of
/// a busy reader would see an empty or short file (measured on ext4); this way at most 3 % are mixed and none is empty.
pub fn copy(subpath: &SubPathFile, directory: &str, path: &str) -> io::Result<Refreshed> {
    let source = match open_source(subpath, directory) {
        // This user may not read the key, and neither may the app.
        Err(Errno::ACCESS) => return Ok(Refreshed::Fresh { changed: false, warning: None }),
        found => found?,
    };
    let new = read_all(&source)?;
    let target = match open_target(path) {
        // The key was absent when the Pod started, so the kubelet mounted an empty directory.
        Err(Errno::NOENT | Errno::ISDIR) => {
            let message =
                format!("{}: was no file when the Pod started, and needs a new Pod to become one", subpath.mount_path);
            return Ok(Refreshed::Fresh { changed: false, warning: Some(Problem::new(Code::NeedsNewPod, message)) });
        }
        found => found?,
    };
    let old = read_all(&target)?;
    let changed = old != new;
    if changed {
        overwrite(&target, &new).inspect_err(|_| {
            // The file still has the blocks of the old bytes, so restoring them can't run out of space.
            let _ = overwrite(&target, &old);
        })?;
    }
    files::set_copied_mode(&target, &fs::fstat(&source)?)?;
    Ok(Refreshed::Fresh { changed, warning: None })
}

/// The target of a symlink: through `..data`, unless the volume is written in place.
pub fn symlink_text(subpath: &SubPathFile, layout: &Layout) -> String {
    let direct = format!("{}/{}", layout.volume(&subpath.volume), subpath.path);
    let in_place = !is_atomic(&layout.volume(&subpath.volume)) && fs::stat(direct.as_str()).is_ok();
    if in_place { direct } else { layout.path(&subpath.source()) }
}

/// Opens the key of a subPath file: through `..data`, or directly in a volume that is written in place.
pub fn open_source(subpath: &SubPathFile, directory: &str) -> io::Result<OwnedFd> {
    let volume = files::open_directory(CWD, directory)?;
    let open = |path: &str| files::open_beneath(&volume, path.as_bytes(), OFlags::RDONLY | OFlags::NONBLOCK);
    match open(&format!("{}/{}", change::DATA, subpath.path)) {
        Err(Errno::NOENT) if !is_atomic(directory) => open(&subpath.path),
        found => found,
    }
}

/// Opens a copy for writing. A key's mode may deny its owner the write permission, which the owner can grant.
fn open_target(path: &str) -> io::Result<OwnedFd> {
    match files::open(CWD, path, OFlags::RDWR) {
        Err(Errno::ACCESS) => {
            fs::chmod(path, Mode::from_raw_mode(0o600))?;
            files::open(CWD, path, OFlags::RDWR)
        }
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
