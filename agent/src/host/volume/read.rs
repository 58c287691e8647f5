//! Reads a watched volume: the digest of its files, all from one generation of `..data`.

use crate::host::{clock, files};
use agent::change;
use agent::digest::{Digest, Sha256, SipHash, is_ignored};
use agent::errors::{Code, Problem};
use alloc::{ffi::CString, format, string::String, vec::Vec};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, AtFlags, CWD, FileType, OFlags};
use rustix::io::{self, Errno};

/// Attempts, each of which a swap may disturb.
const READS_AT_MOST: u32 = 5;
/// File times lag behind by up to a tick of the kernel's clock (CONFIG_HZ is at least 100).
const COARSE_MS: u64 = 10;
/// Levels of directories below a volume that is written in place.
pub(super) const DEPTH_MAX: u32 = 16;

/// The result of a read.
pub struct Reading {
    /// The digest under the agent's key.
    pub digest: u128,
    /// The target of `..data`; None for a volume written in place.
    pub generation: Option<String>,
    /// When the content appeared, according to the file system: milliseconds since boot.
    pub since: u64,
}

/// Reads a volume; the digest leaves out the paths in `ignored`.
pub fn read(directory: &str, ignored: &[String], key: [u64; 2]) -> Result<Reading, Problem> {
    for _ in 0..READS_AT_MOST {
        let generation = generation(directory);
        let mut hash = SipHash::new(key);
        match feed(directory, generation.is_some(), ignored, &mut hash) {
            Ok(()) if self::generation(directory) == generation => {
                return Ok(Reading { digest: hash.finish(), since: since(directory), generation });
            }
            Ok(()) | Err(Errno::NOENT | Errno::AGAIN) => {}
            Err(error) => return Err(unreadable(directory, error)),
        }
    }
    Err(unreadable(directory, if fs::stat(directory).is_ok() { Errno::AGAIN } else { Errno::NOENT }))
}

/// SHA-256 of a volume in hex, for /status. None if its generation is another one by now, or if it can't be read.
pub fn sha256(directory: &str, ignored: &[String], generation: &Option<String>) -> Option<String> {
    let mut hash = Sha256::default();
    feed(directory, generation.is_some(), ignored, &mut hash).ok()?;
    (self::generation(directory) == *generation).then(|| hash.finish())
}

/// The target of `..data`.
pub fn generation(directory: &str) -> Option<String> {
    fs::readlink(format!("{directory}/{}", change::DATA).as_str(), Vec::new()).ok()?.into_string().ok()
}

/// Whether a swap is complete: the names beside `..data` are those inside it.
pub fn is_complete(directory: &str) -> bool {
    let list = |path: &str| -> io::Result<Vec<CString>> { files::names(files::open_directory(CWD, path)?) };
    let bytes = |names: Vec<CString>| -> Vec<Vec<u8>> { names.into_iter().map(CString::into_bytes).collect() };
    match (list(&format!("{directory}/{}", change::DATA)), list(directory)) {
        (Ok(inside), Ok(beside)) => change::is_complete(&bytes(inside), &bytes(beside)),
        _ => false,
    }
}

/// A description of the volume without its content: the generation, or names, sizes and times. None if it does not exist.
pub fn fingerprint(directory: &str) -> Option<String> {
    if let Some(generation) = generation(directory) {
        return Some(generation);
    }
    let root = files::open_directory(CWD, directory).ok()?;
    let mut paths = Vec::new();
    walk(&root, b"", DEPTH_MAX, &mut paths).ok()?;
    paths.sort_unstable();
    let mut hash = SipHash::new([0; 2]);
    for path in &paths {
        let stat = fs::statat(&root, path.as_c_str(), AtFlags::empty()).ok()?;
        hash.start_file(path.as_bytes(), stat.st_size as u64);
        hash.update(format!("{}.{}.{}", stat.st_mtime, stat.st_mtime_nsec, stat.st_ino).as_bytes());
    }
    Some(format!("{:032x}", hash.finish()))
}

fn feed(directory: &str, atomic: bool, ignored: &[String], hash: &mut impl Digest) -> io::Result<()> {
    let path = if atomic { format!("{directory}/{}", change::DATA) } else { directory.into() };
    let root = files::open_directory(CWD, path.as_str())?;
    let mut paths = Vec::new();
    walk(&root, b"", DEPTH_MAX, &mut paths)?;
    paths.retain(|path| !is_ignored(path.as_bytes(), ignored));
    paths.sort_unstable();
    paths.iter().try_for_each(|path| file(&root, path, hash))
}

/// Every file below a directory. It follows symlinks and skips names with `..`, which are the kubelet's own.
fn walk(directory: &OwnedFd, prefix: &[u8], depth: u32, found: &mut Vec<CString>) -> io::Result<()> {
    for name in files::names(directory)? {
        if name.as_bytes().starts_with(b"..") {
            continue;
        }
        let path = CString::new([prefix, name.as_bytes()].concat()).map_err(|_| Errno::INVAL)?;
        match fs::statat(directory, name.as_c_str(), AtFlags::empty()) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory && depth > 0 => {
                match files::open_directory(directory, name.as_c_str()) {
                    Ok(inside) => walk(&inside, &[path.as_bytes(), b"/"].concat(), depth - 1, found)?,
                    Err(Errno::ACCESS) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => found.push(path),
            // Sockets and the like, and dangling symlinks.
            Ok(_) | Err(Errno::NOENT | Errno::ACCESS | Errno::LOOP) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn file(root: &OwnedFd, path: &CString, hash: &mut impl Digest) -> io::Result<()> {
    let file = match files::open(root, path.as_c_str(), OFlags::RDONLY | OFlags::NONBLOCK) {
        // This user may not read the key. Every swap writes the key again, so its time represents its content.
        Err(Errno::ACCESS) => {
            let stat = fs::statat(root, path.as_c_str(), AtFlags::empty())?;
            hash.start_file(path.as_bytes(), stat.st_size as u64);
            hash.update(format!("{}.{}", stat.st_mtime, stat.st_mtime_nsec).as_bytes());
            return Ok(());
        }
        found => found?,
    };
    let length = fs::fstat(&file)?.st_size as u64;
    hash.start_file(path.as_bytes(), length);
    // One page at most: a page of the stack that was used once stays resident.
    let mut buffer = [0; 4096];
    let mut read = 0;
    loop {
        match files::read_some(file.as_fd(), &mut buffer)? {
            0 if read == length => return Ok(()),
            // A process wrote the file during the read.
            0 => return Err(Errno::AGAIN),
            count => {
                hash.update(&buffer[..count]);
                read += count as u64;
            }
        }
    }
}

/// When the content appeared: the time of `..data` itself. For a volume written in place it is now, as the times of its
/// files may be arbitrary.
fn since(directory: &str) -> u64 {
    let (now, wall) = (clock::now(), clock::wall());
    if !is_atomic(directory) {
        return now;
    }
    match fs::lstat(format!("{directory}/{}", change::DATA).as_str()) {
        Ok(stat) => {
            let changed = stat.st_ctime as u64 * 1000 + stat.st_ctime_nsec / 1_000_000;
            now.saturating_sub(wall.saturating_sub(changed)) + COARSE_MS
        }
        Err(_) => now,
    }
}

/// Whether the directory has the kubelet's `..data`.
pub fn is_atomic(directory: &str) -> bool {
    fs::lstat(format!("{directory}/{}", change::DATA).as_str())
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

fn unreadable(directory: &str, error: Errno) -> Problem {
    let name = directory.rsplit('/').next().unwrap_or(directory);
    Problem::new(Code::VolumeUnreadable, format!("volume {name}: not read: {}; trying again", files::describe(error)))
}
