//! Small files: complete reads, complete writes, the names in a directory.

use alloc::{ffi::CString, format, vec::Vec};
use core::ffi::CStr;
use core::mem::MaybeUninit;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, CWD, Mode, OFlags, RawDir};
use rustix::io::{self, Errno};
use rustix::path::Arg;

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

/// Reads up to `buffer.len()` bytes; 0 at the end.
pub fn read_some(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    io::retry_on_intr(|| io::read(&fd, &mut *buffer))
}

/// Reads a file of at most `limit` bytes; a longer one fails with EFBIG.
pub fn read(directory: impl AsFd, path: impl Arg + Copy, limit: usize) -> io::Result<Vec<u8>> {
    let file = open(directory, path, OFlags::RDONLY)?;
    let mut content = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match read_some(&file, &mut buffer)? {
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

/// Replaces the file `path` in one step: it writes a temporary file beside it, then renames that.
pub fn replace(path: &str, bytes: &[u8], mode: Mode) -> io::Result<()> {
    let temporary = format!("{path}.hotreload-tmp");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let file = fs::open(temporary.as_str(), flags, mode)?;
    let written = fs::fchmod(&file, mode).and_then(|()| write_all(&file, bytes));
    drop(file);
    written.and_then(|()| fs::rename(temporary.as_str(), path)).inspect_err(|_| {
        let _ = fs::unlinkat(CWD, temporary.as_str(), AtFlags::empty());
    })
}

/// The names in a directory, without `.` and `..`.
pub fn names(directory: impl AsFd) -> io::Result<Vec<CString>> {
    names_of(directory.as_fd())
}

fn names_of(directory: BorrowedFd<'_>) -> io::Result<Vec<CString>> {
    let mut found = Vec::new();
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let name: CString = entry?.file_name().into();
        if name.as_c_str() != c"." && name.as_c_str() != c".." {
            found.push(name);
        }
    }
    Ok(found)
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
pub fn describe(error: Errno) -> alloc::string::String {
    let text = match error {
        Errno::PERM => "operation not permitted",
        Errno::NOENT => "no such file or directory",
        Errno::SRCH => "no such process",
        Errno::IO => "input/output error",
        Errno::AGAIN | Errno::NOMEM => "no room for another process",
        Errno::ACCESS => "permission denied",
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
