//! Small files: complete reads, complete writes, the names in a directory.

use super::random::random;
use alloc::{ffi::CString, format, string::String, vec::Vec};
use core::ffi::CStr;
use core::mem::MaybeUninit;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags, RawDir, Stat, Timespec, Timestamps};
use rustix::io::{self, Errno};
use rustix::path::Arg;

/// Symlinks that one path may follow: as in the kernel (path_resolution(7)).
const LINKS_MAX: u32 = 40;
/// Directories that one path may be deep, symlinks included: each is an open file.
const PARENTS_MAX: usize = 64;

/// Writes everything, or fails.
pub fn write_all(fd: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match io::write(&fd, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes everything at this offset, or fails.
pub fn write_at(fd: impl AsFd, bytes: &[u8], offset: u64) -> io::Result<()> {
    match io::retry_on_intr(|| io::pwrite(&fd, bytes, offset))? {
        written if written == bytes.len() => Ok(()),
        _ => Err(Errno::NOSPC),
    }
}

/// Reads up to `buffer.len()` bytes; 0 at the end.
pub fn read_some(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    io::retry_on_intr(|| io::read(&fd, &mut *buffer))
}

/// Reads a file of at most `limit` bytes; a longer one fails with EFBIG.
pub fn read(directory: impl AsFd, path: impl Arg + Copy, limit: usize) -> io::Result<Vec<u8>> {
    read_to_end(&open(directory, path, OFlags::RDONLY)?, limit)
}

/// Reads a regular file of the agent's own, as `read` does. Whoever else may write its directory can't make the agent
/// read another file through a symlink (ELOOP), or wait for the writer of a pipe (EINVAL).
pub fn read_own(path: &str, limit: usize) -> io::Result<Vec<u8>> {
    let file = open(CWD, path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK)?;
    match FileType::from_raw_mode(fs::fstat(&file)?.st_mode) {
        FileType::RegularFile => read_to_end(&file, limit),
        _ => Err(Errno::INVAL),
    }
}

fn read_to_end(file: &OwnedFd, limit: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match read_some(file, &mut buffer)? {
            0 => return Ok(content),
            count if content.len() + count > limit => return Err(Errno::FBIG),
            count => content.extend_from_slice(&buffer[..count]),
        }
    }
}

/// Opens an existing file; exec closes the descriptor.
pub fn open(directory: impl AsFd, path: impl Arg + Copy, flags: OFlags) -> io::Result<OwnedFd> {
    io::retry_on_intr(|| fs::openat(&directory, path, flags | OFlags::CLOEXEC, Mode::empty()))
}

/// Opens a directory.
pub fn open_directory(directory: impl AsFd, path: impl Arg + Copy) -> io::Result<OwnedFd> {
    open(directory, path, OFlags::RDONLY | OFlags::DIRECTORY)
}

/// Opens `path` below `root`. It follows symlinks, but none that leads out of `root`: EXDEV, as with openat2(2) and
/// RESOLVE_BENEATH, which kernels before 5.6 and old seccomp profiles don't have.
pub fn open_beneath(root: &OwnedFd, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
    if path.first() == Some(&b'/') {
        return Err(Errno::XDEV);
    }
    let parts = |path: &[u8]| -> Vec<Vec<u8>> { path.rsplit(|byte| *byte == b'/').map(Vec::from).collect() };
    // The parts that are left, the next one last; the directories from below `root` to the current one.
    let (mut left, mut parents) = (parts(path), Vec::<OwnedFd>::new());
    let mut links = 0;
    while let Some(name) = left.pop() {
        let here = parents.last().unwrap_or(root);
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => {
                parents.pop().ok_or(Errno::XDEV)?;
                continue;
            }
            _ => {}
        }
        // Mostly the last part is no symlink. O_PATH would open the symlink itself.
        if left.is_empty() && !flags.contains(OFlags::PATH) {
            match open(here, name.as_slice(), flags | OFlags::NOFOLLOW) {
                Err(Errno::LOOP | Errno::NOTDIR) => {}
                found => return found,
            }
        }
        let stat = fs::statat(here, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            let text = fs::readlinkat(here, name.as_slice(), Vec::new())?;
            links += 1;
            match text.as_bytes().first() {
                Some(b'/') => return Err(Errno::XDEV),
                _ if links > LINKS_MAX => return Err(Errno::LOOP),
                _ => left.extend(parts(text.as_bytes())),
            }
        } else if left.is_empty() {
            return open(here, name.as_slice(), flags | OFlags::NOFOLLOW);
        } else if parents.len() == PARENTS_MAX {
            return Err(Errno::LOOP);
        } else {
            let directory = open(here, name.as_slice(), OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW)?;
            parents.push(directory);
        }
    }
    open(parents.last().unwrap_or(root), c".", flags)
}

/// Replaces the file `path` in one step: it writes a temporary file beside it, then renames that. Whoever else may write
/// the directory can't foresee the temporary file's name, and a file or symlink that has it is an error.
pub fn replace(path: &str, bytes: &[u8], mode: Mode) -> io::Result<()> {
    let (file, temporary) = write_beside(path, bytes, mode)?;
    // A program that is open for writing can't be run.
    drop(file);
    rename_to(path, &temporary)
}

/// The same; the new file stays open, and is the same one whatever becomes of the path.
pub fn replace_open(path: &str, bytes: &[u8], mode: Mode) -> io::Result<OwnedFd> {
    let (file, temporary) = write_beside(path, bytes, mode)?;
    rename_to(path, &temporary).map(|()| file)
}

fn write_beside(path: &str, bytes: &[u8], mode: Mode) -> io::Result<(OwnedFd, String)> {
    let temporary = format!("{path}.{:016x}.hotreload-tmp", random()[0]);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = fs::open(temporary.as_str(), flags, mode)?;
    match fs::fchmod(&file, mode).and_then(|()| write_all(&file, bytes)) {
        Ok(()) => Ok((file, temporary)),
        Err(error) => Err(discard(&temporary, error)),
    }
}

fn rename_to(path: &str, temporary: &str) -> io::Result<()> {
    fs::rename(temporary, path).map_err(|error| discard(temporary, error))
}

fn discard(temporary: &str, error: Errno) -> Errno {
    let _ = fs::unlinkat(CWD, temporary, AtFlags::empty());
    error
}

/// The names in a directory, without `.` and `..`.
pub fn names(directory: impl AsFd) -> io::Result<Vec<CString>> {
    let mut found = Vec::new();
    each_entry(directory.as_fd(), &mut |name, _| {
        found.push(name);
        Ok(())
    })?;
    Ok(found)
}

/// The memory for a name or path in a list: its bytes, the pointer to them and the allocator's share.
pub fn name_cost(name: &[u8]) -> usize {
    name.len() + 32
}

/// The names and types in a directory, if the memory for the names fits in `left` bytes, of which it is taken; else EFBIG.
pub fn entries_within(directory: impl AsFd, left: &mut usize) -> io::Result<Vec<(CString, FileType)>> {
    let mut found = Vec::new();
    each_entry(directory.as_fd(), &mut |name, listed| {
        *left = left.checked_sub(name_cost(name.as_bytes())).ok_or(Errno::FBIG)?;
        found.push((name, listed));
        Ok(())
    })?;
    Ok(found)
}

fn each_entry(directory: BorrowedFd<'_>, take: &mut dyn FnMut(CString, FileType) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name: CString = entry.file_name().into();
        if name.as_c_str() != c"." && name.as_c_str() != c".." {
            take(name, entry.file_type())?;
        }
    }
    Ok(())
}

/// The type of an entry, also where the file system does not list it.
pub fn type_of(directory: impl AsFd, name: &CStr, listed: FileType) -> io::Result<FileType> {
    if listed != FileType::Unknown {
        return Ok(listed);
    }
    Ok(FileType::from_raw_mode(fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode))
}

/// Gives a copy of a key its source's mode. Programs judge a mode by the owner: of a private key of their own (PostgreSQL,
/// ssh) they refuse one that group or others may read. So where the copy's owner is not the source's, the owner gets every
/// right through which this user could read the source, and nobody else gets any.
pub fn set_copied_mode(copy: &OwnedFd, source: &Stat) -> io::Result<()> {
    let bits = source.st_mode & 0o7777;
    let is_owned_alike = fs::fstat(copy)?.st_uid == source.st_uid;
    fs::fchmod(copy, Mode::from_raw_mode(if is_owned_alike { bits } else { owner_only(bits) }))
}

/// The mode of a copy that everybody can read who could read the source, its owner in any case.
pub fn readable_alike(mode: u32) -> u32 {
    mode & 0o777 | owner_only(mode)
}

fn owner_only(bits: u32) -> u32 {
    (bits | bits << 3 | bits << 6) & 0o700
}

/// A file's times, for a copy of it.
pub fn times(stat: &Stat) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: stat.st_atime, tv_nsec: stat.st_atime_nsec as i64 },
        last_modification: Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec as i64 },
    }
}

/// Creates a directory and its parents where they are missing, with mode 0755.
pub fn make_directories(path: &str) -> io::Result<()> {
    for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]).filter(|end| *end > 0) {
        match fs::mkdir(&path[..end], Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            // A parent that this user may not write to usually exists; if it does not, the next step fails.
            Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) if end < path.len() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Removes `name`, a directory with its contents.
pub fn remove(directory: impl AsFd, name: &CStr) -> io::Result<()> {
    match fs::unlinkat(&directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error),
    }
    let inside = open(&directory, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)?;
    for entry in names(&inside)? {
        remove(&inside, &entry)?;
    }
    fs::unlinkat(&directory, name, AtFlags::REMOVEDIR)
}

/// An error number in words; rare ones stay numbers.
pub fn describe(error: Errno) -> String {
    let text = match error {
        Errno::PERM => "operation not permitted",
        Errno::NOENT => "no such file or directory",
        Errno::SRCH => "no such process",
        Errno::IO => "input/output error",
        Errno::AGAIN | Errno::NOMEM => "no room for another process",
        Errno::ACCESS => "permission denied",
        Errno::XDEV => "leads out of its volume",
        Errno::EXIST => "file exists",
        Errno::NOTDIR => "not a directory",
        Errno::ISDIR => "is a directory",
        Errno::INVAL => "invalid argument",
        Errno::NFILE | Errno::MFILE => "too many open files or inotify instances",
        Errno::TXTBSY => "text file busy",
        Errno::FBIG => "file too large",
        Errno::NOSPC => "no space left",
        Errno::ROFS => "read-only file system",
        Errno::NOEXEC => "not an executable",
        Errno::LOOP => "too many symlinks",
        Errno::NOSYS => "not implemented by this kernel",
        Errno::ADDRINUSE => "address in use",
        Errno::CONNREFUSED => "connection refused",
        Errno::CONNRESET => "connection reset",
        Errno::TIMEDOUT => "timed out",
        Errno::DQUOT => "quota exceeded",
        other => return format!("errno {}", other.raw_os_error()),
    };
    text.into()
}
