//! Reads a watched volume: the digest of its files, all from one generation of `..data`.

use super::tree::{Failure, NAMES_MAX_BYTES, Tree, add_content, volume_name};
use crate::host::{clock, files};
use agent::change;
use agent::digest::{Digest, Sha256, SipHash, is_ignored};
use agent::errors::{Code, Problem};
use alloc::{ffi::CString, format, string::String, vec::Vec};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, CWD, FileType, OFlags};
use rustix::io::{self, Errno};

/// File times lag behind by up to a tick of the kernel's clock (CONFIG_HZ is at least 100).
const COARSE_MS: u64 = 10;

/// The result of a read.
pub struct Reading {
    /// The digest under the agent's key.
    pub digest: u128,
    /// The target of `..data`; None for a volume written in place.
    pub generation: Option<String>,
    /// The volume has symlinks that lead out of it.
    pub outside: Option<Problem>,
}

/// An open volume.
struct Opened {
    volume: OwnedFd,
    generation: Option<String>,
    /// The directory of the generation.
    data: Option<OwnedFd>,
}

impl Opened {
    /// A `..data` that leads out of the volume is not the kubelet's: EXDEV.
    fn open(directory: &str) -> io::Result<Opened> {
        let volume = files::open_directory(CWD, directory)?;
        let generation = generation_of(&volume);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let open = |target: &String| files::open_beneath(&volume, target.as_bytes(), flags);
        let data = generation.as_ref().map(open).transpose()?;
        Ok(Opened { volume, generation, data })
    }

    /// The directory with the files.
    fn root(&self) -> &OwnedFd {
        self.data.as_ref().unwrap_or(&self.volume)
    }

    /// Whether no swap has come since.
    fn is_current(&self) -> bool {
        generation_of(&self.volume) == self.generation
    }
}

/// Reads a volume; the digest leaves out the paths in `ignored`.
pub fn read(directory: &str, ignored: &[String], key: [u64; 2]) -> Result<Reading, Problem> {
    let read = || -> Result<Reading, Failure> {
        let mut hash = SipHash::new(key);
        let opened = Opened::open(directory)?;
        if opened.generation.is_none() {
            check_not_removed(&opened.volume)?;
        }
        let outside = feed(opened.root(), ignored, &mut hash)?;
        if !opened.is_current() {
            return Err(Errno::AGAIN.into());
        }
        let outside = (outside > 0).then(|| left_out(directory, outside));
        Ok(Reading { digest: hash.finish(), generation: opened.generation, outside })
    };
    change::undisturbed(read, Failure::is_disturbed).map_err(|failure| failure.problem(directory))
}

/// SHA-256 of a volume in hex, for /status. None if its generation is another one by now, or if it can't be read.
pub fn sha256(directory: &str, ignored: &[String], generation: &Option<String>) -> Option<String> {
    let opened = Opened::open(directory).ok().filter(|opened| opened.generation == *generation)?;
    let mut hash = Sha256::default();
    feed(opened.root(), ignored, &mut hash).ok()?;
    opened.is_current().then(|| hash.finish())
}

/// The target of `..data`.
pub fn generation(directory: &str) -> Option<String> {
    generation_of(&files::open_directory(CWD, directory).ok()?)
}

fn generation_of(volume: &OwnedFd) -> Option<String> {
    fs::readlinkat(volume, change::DATA, Vec::new()).ok()?.into_string().ok()
}

/// The keys of the current generation, if they also are the names beside `..data`: then a swap is complete. `known` are
/// the keys of the last complete swap. If these are the same, the kubelet has nothing to do beside `..data`. It is just
/// removing the old generation there, and a list would wait for that for a millisecond or more (measured on ext4).
pub fn complete_keys(directory: &str, known: Option<u64>) -> Option<u64> {
    let opened = Opened::open(directory).ok()?;
    let keys = |directory: &OwnedFd| -> io::Result<u64> {
        let entries = files::entries_within(directory, &mut NAMES_MAX_BYTES.clone())?;
        Ok(change::keys(entries.iter().map(|(name, _)| name.as_c_str())))
    };
    let inside = keys(opened.data.as_ref()?).ok()?;
    (known == Some(inside) || keys(&opened.volume).ok()? == inside).then_some(inside)
}

/// A description of the volume without its content: the generation, or names, sizes and times. None if it does not exist.
pub fn fingerprint(directory: &str) -> Option<String> {
    if let Some(generation) = generation(directory) {
        return Some(generation);
    }
    let root = files::open_directory(CWD, directory).ok()?;
    let tree = Tree::list(&root).ok()?;
    let mut hash = SipHash::new([0; 2]);
    for path in &tree.files {
        let stat = fs::fstat(files::open_beneath(&root, path.as_bytes(), OFlags::PATH).ok()?).ok()?;
        hash.start_file(path.as_bytes(), stat.st_size as u64);
        hash.update(format!("{}.{}.{}", stat.st_mtime, stat.st_mtime_nsec, stat.st_ino).as_bytes());
    }
    tree.links.iter().try_for_each(|path| link(&root, path, &mut hash)).ok()?;
    Some(format!("{:032x}", hash.finish()))
}

/// Adds every file below `root` to the digest; the number of symlinks that lead out of the volume.
pub fn feed(root: &OwnedFd, ignored: &[String], hash: &mut dyn Digest) -> Result<usize, Failure> {
    let mut tree = Tree::list(root)?;
    for paths in [&mut tree.files, &mut tree.links] {
        paths.retain(|path| !is_ignored(path.as_bytes(), ignored));
    }
    let mut read = 0;
    tree.files.iter().try_for_each(|path| file(root, path, &mut read, hash))?;
    tree.links.iter().try_for_each(|path| link(root, path, hash))?;
    Ok(tree.outside)
}

/// Only a removed directory has no link. What the kubelet mounts in its place never reaches a running container.
pub fn check_not_removed(volume: &OwnedFd) -> Result<(), Failure> {
    if fs::fstat(volume)?.st_nlink == 0 { Err(Failure::Removed) } else { Ok(()) }
}

/// Opens `..data`. One that leads out of the volume is not the kubelet's.
pub fn open_data(volume: &OwnedFd) -> io::Result<OwnedFd> {
    files::open_beneath(volume, change::DATA.as_bytes(), OFlags::RDONLY | OFlags::DIRECTORY)
}

/// A symlink's text. The NUL tells it from a file.
fn link(root: &OwnedFd, path: &CString, hash: &mut dyn Digest) -> io::Result<()> {
    let text = fs::readlinkat(root, path.as_c_str(), Vec::new())?;
    hash.update(b"\0");
    hash.start_file(path.as_bytes(), text.as_bytes().len() as u64);
    hash.update(text.as_bytes());
    Ok(())
}

fn file(root: &OwnedFd, path: &CString, read: &mut u64, hash: &mut dyn Digest) -> Result<(), Failure> {
    let file = match files::open_beneath(root, path.as_bytes(), OFlags::RDONLY | OFlags::NONBLOCK) {
        // This user may not read the key. Every swap writes the key again, so its time represents its content.
        Err(Errno::ACCESS) => {
            let stat = fs::fstat(files::open_beneath(root, path.as_bytes(), OFlags::PATH)?)?;
            hash.start_file(path.as_bytes(), stat.st_size as u64);
            hash.update(format!("{}.{}", stat.st_mtime, stat.st_mtime_nsec).as_bytes());
            return Ok(());
        }
        found => found?,
    };
    let stat = fs::fstat(&file)?;
    let length = stat.st_size as u64;
    add_content(read, length)?;
    hash.start_file(path.as_bytes(), length);
    // One page at most: a page of the stack that was used once stays resident.
    let mut buffer = [0; 4096];
    let mut left = length;
    loop {
        let count = files::read_some(file.as_fd(), &mut buffer)? as u64;
        // A process replaced or wrote the file since it was listed.
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || count > left || (count == 0 && left > 0) {
            return Err(Errno::AGAIN.into());
        }
        hash.update(&buffer[..count as usize]);
        left -= count;
        // A read that does not fill the buffer has reached the end.
        if left == 0 && count < buffer.len() as u64 {
            return Ok(());
        }
    }
}

/// When the content appeared: the time of `..data` itself. For a volume written in place it is now, as the times of its
/// files may be arbitrary. Milliseconds since boot.
pub fn since(directory: &str) -> u64 {
    let (now, wall) = (clock::now(), clock::wall());
    match fs::lstat(format!("{directory}/{}", change::DATA).as_str()) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => {
            let changed = stat.st_ctime as u64 * 1000 + stat.st_ctime_nsec / 1_000_000;
            now.saturating_sub(wall.saturating_sub(changed)) + COARSE_MS
        }
        _ => now,
    }
}

/// Whether the directory has the kubelet's `..data`.
pub fn is_atomic(directory: &str) -> bool {
    fs::lstat(format!("{directory}/{}", change::DATA).as_str())
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

fn left_out(directory: &str, links: usize) -> Problem {
    let name = volume_name(directory);
    Problem::new(
        Code::LinkOutside,
        format!("volume {name}: {links} of its symlinks lead out of it, and are not followed; put the files into it"),
    )
}
