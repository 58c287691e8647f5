//! Copies a directory of the image as the app sees it: content, modes, times, and owners where permitted. It does not
//! cross mount points: for a mount point it creates an empty directory or file, on which the runtime can mount. It is
//! safe to repeat.

use crate::host::{files, log};
use alloc::{ffi::CString, string::String, vec::Vec};
use core::ffi::CStr;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::{self, Errno};

/// Copies directories.
pub struct Copier {
    /// Mount points, by their real paths.
    pub mounts: Vec<Vec<u8>>,
}

/// An error and its path.
pub type Failure = (Vec<u8>, Errno);

impl Copier {
    /// Copies directory `from` to `to`. A missing `from` becomes an empty directory of mode 0755, as the container runtime
    /// would create it.
    pub fn directory(&self, from: &str, to: &str) -> Result<(), Failure> {
        let failed = |error| (Vec::from(from), error);
        let source = match files::open_directory(CWD, from) {
            Ok(source) => source,
            Err(Errno::NOENT) => return files::make_directories(to).map_err(failed),
            Err(Errno::ACCESS) => return self.unreadable(from, to).map_err(failed),
            Err(error) => return Err(failed(error)),
        };
        files::make_directories(to).map_err(failed)?;
        let target = files::open_directory(CWD, to).map_err(failed)?;
        // `mounts` has real paths; `from` may contain symlinks.
        let real = real_path(&source).map_err(failed)?;
        self.contents(&source, &target, &real)?;
        let stat = fs::fstat(&source).map_err(failed)?;
        copy_attributes(target.as_fd(), &stat).map_err(failed)
    }

    fn unreadable(&self, from: &str, to: &str) -> io::Result<()> {
        warn("directory not readable, left empty", from.as_bytes());
        files::make_directories(to)?;
        let stat = fs::stat(from)?;
        copy_attributes(files::open_directory(CWD, to)?.as_fd(), &stat)
    }

    fn contents(&self, source: &OwnedFd, target: &OwnedFd, path: &[u8]) -> Result<(), Failure> {
        for name in files::names(source).map_err(|error| (path.into(), error))? {
            let path = join(path, name.as_bytes());
            self.entry(source, target, &name, &path)?;
        }
        Ok(())
    }

    fn entry(&self, source: &OwnedFd, target: &OwnedFd, name: &CStr, path: &[u8]) -> Result<(), Failure> {
        let failed = |error| (Vec::from(path), error);
        let stat = fs::statat(source, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        let mounted = self.mounts.iter().any(|mount| mount == path);
        if kind == FileType::Directory {
            let inside = make_directory(target, name).map_err(failed)?;
            if !mounted {
                match files::open(source, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW) {
                    Ok(directory) => self.contents(&directory, &inside, path)?,
                    Err(Errno::ACCESS) => warn("directory not readable, left empty", path),
                    Err(error) => return Err(failed(error)),
                }
            }
            return copy_attributes(inside.as_fd(), &stat).map_err(failed);
        }
        files::remove(target, name).map_err(failed)?;
        match kind {
            FileType::RegularFile => copy_file(source, target, name, &stat, mounted, path).map_err(failed),
            FileType::Symlink => copy_symlink(source, target, name, &stat).map_err(failed),
            // A file is enough for the runtime to mount a device or socket on.
            _ if mounted => create(target, name).map(drop).map_err(failed),
            _ => {
                warn("neither file, directory nor symlink, skipped", path);
                Ok(())
            }
        }
    }
}

fn copy_file(source: &OwnedFd, target: &OwnedFd, name: &CStr, stat: &Stat, empty: bool, path: &[u8]) -> io::Result<()> {
    let to = create(target, name)?;
    if !empty {
        match files::open(source, name, OFlags::RDONLY | OFlags::NOFOLLOW) {
            Ok(from) => copy_bytes(&from, &to)?,
            // The app runs as the same user, so it can't read the file either.
            Err(Errno::ACCESS) => warn("file not readable, left empty", path),
            Err(error) => return Err(error),
        }
    }
    copy_attributes(to.as_fd(), stat)
}

/// Copies all bytes from one descriptor to the other.
pub fn copy_bytes(from: &OwnedFd, to: &OwnedFd) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match files::read_some(from, &mut buffer)? {
            0 => return Ok(()),
            count => files::write_all(to, &buffer[..count])?,
        }
    }
}

fn copy_symlink(source: &OwnedFd, target: &OwnedFd, name: &CStr, stat: &Stat) -> io::Result<()> {
    let text: CString = fs::readlinkat(source, name, Vec::new())?;
    fs::symlinkat(text.as_c_str(), target, name)?;
    fs::utimensat(target, name, &files::times(stat), AtFlags::SYMLINK_NOFOLLOW)?;
    let (user, group) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    let _ = fs::chownat(target, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW);
    Ok(())
}

fn create(directory: &OwnedFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    fs::openat(directory, name, flags, Mode::from_raw_mode(0o600))
}

fn make_directory(target: &OwnedFd, name: &CStr) -> io::Result<OwnedFd> {
    let open = || files::open(target, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW);
    match fs::mkdirat(target, name, Mode::from_raw_mode(0o700)) {
        Ok(()) => open(),
        // Another kind of file has this name, or an earlier run created the directory.
        Err(Errno::EXIST) => open().or_else(|_| {
            files::remove(target, name)?;
            fs::mkdirat(target, name, Mode::from_raw_mode(0o700))?;
            open()
        }),
        Err(error) => Err(error),
    }
}

/// Sets the times, the mode and, where permitted, the owner: only the owner may set the others, unless the user has the
/// capability FOWNER. Then the mode again, as chown clears setuid bits.
fn copy_attributes(copy: BorrowedFd<'_>, stat: &Stat) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    let set_mode = || if_permitted(fs::fchmod(copy, Mode::from_raw_mode(stat.st_mode & 0o7777)));
    if_permitted(fs::futimens(copy, &files::times(stat)))?;
    set_mode()?;
    if fs::fchown(copy, Some(user), Some(group)).is_err() {
        let _ = fs::fchown(copy, None, Some(group));
    }
    set_mode()
}

/// The emptyDir's own top directory belongs to root.
fn if_permitted(result: io::Result<()>) -> io::Result<()> {
    if result == Err(Errno::PERM) { Ok(()) } else { result }
}

fn real_path(directory: &OwnedFd) -> io::Result<Vec<u8>> {
    use rustix::fd::AsRawFd;
    let name = alloc::format!("/proc/self/fd/{}", directory.as_raw_fd());
    Ok(fs::readlink(name.as_str(), Vec::new())?.into_bytes())
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    [path.strip_suffix(b"/").unwrap_or(path), b"/", name].concat()
}

fn warn(msg: &str, path: &[u8]) {
    log::warn(msg).string("path", &String::from_utf8_lossy(path)).write();
}
