//! Lists a watched volume. A volume that is written in place may hold any tree, so the list is bounded, and nothing
//! outside the volume is on it.

use crate::host::files;
use agent::errors::{Code, Problem};
use alloc::collections::BinaryHeap;
use alloc::{ffi::CString, format, string::String, vec::Vec};
use rustix::fd::OwnedFd;
use rustix::fs::{self, FileType, OFlags};
use rustix::io::{self, Errno};

/// Files, symlinks and directories. Their names take 5 MB; the agent's container has 16.
const ENTRIES_MAX: usize = 100_000;
/// Directories, each of which takes an inotify watch.
pub const DIRECTORIES_MAX: usize = 4_096;
/// Levels of directories.
pub const DEPTH_MAX: usize = 16;
/// Memory for names and paths.
pub const NAMES_MAX_BYTES: usize = 10 << 20;
/// Content of all files: half a second of hashing.
const CONTENT_MAX_BYTES: u64 = 1 << 30;

/// Why a volume can't be read.
pub enum Failure {
    /// The kernel's error.
    Kernel(Errno),
    /// The volume is too large: `more than …`.
    TooLarge(String),
    /// The kubelet removed the volume.
    Removed,
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Failure {
        Failure::Kernel(error)
    }
}

impl Failure {
    /// Whether a swap came during the read: the kubelet removes the generation of before.
    pub fn is_disturbed(&self) -> bool {
        matches!(self, Failure::Kernel(Errno::NOENT | Errno::AGAIN))
    }

    /// The problem for /status.
    pub fn problem(&self, directory: &str) -> Problem {
        let name = volume_name(directory);
        match self {
            Failure::Kernel(Errno::AGAIN) => Problem::new(
                Code::VolumeUnreadable,
                format!("volume {name}: not read: its files changed at each attempt; trying again"),
            ),
            Failure::Kernel(error) => Problem::new(
                Code::VolumeUnreadable,
                format!("volume {name}: not read: {}; trying again", files::describe(*error)),
            ),
            Failure::Removed => Problem::new(
                Code::VolumeRemoved,
                format!("volume {name}: the kubelet removed it, as after an update on a full disk; delete the Pod"),
            ),
            Failure::TooLarge(bound) => Problem::new(
                Code::VolumeTooLarge,
                format!(
                    "volume {name}: not read: {bound}; watch a smaller volume, or set hotreload.dev/reload: rollout"
                ),
            ),
        }
    }
}

/// The last part of a volume's path; of a gated one, that of its gate.
pub fn volume_name(directory: &str) -> &str {
    let directory = directory.strip_suffix("/published").unwrap_or(directory);
    directory.rsplit('/').next().unwrap_or(directory)
}

/// The paths in a volume, relative to its root.
#[derive(Default)]
pub struct Tree {
    /// Regular files, and symlinks to them.
    pub files: Vec<CString>,
    /// Symlinks to directories, and symlinks that lead out of the volume.
    pub links: Vec<CString>,
    /// How many of the links lead out of the volume.
    pub outside: usize,
    /// Each directory once, by device and inode: a symlink may lead to one that is listed already.
    visited: Vec<(u64, u64)>,
    entries: usize,
    names_left: usize,
}

/// A heap is a third of the code of `sort_unstable`.
fn sort(paths: &mut Vec<CString>) {
    *paths = BinaryHeap::from(core::mem::take(paths)).into_sorted_vec();
}

impl Tree {
    /// Lists everything below `root`. Names with `..` are left out: they are the kubelet's own.
    pub fn list(root: &OwnedFd) -> Result<Tree, Failure> {
        let mut tree = Tree { names_left: NAMES_MAX_BYTES, ..Tree::default() };
        tree.enter(root, root, b"", 0)?;
        // A directory that only a symlink reaches. These come last, so that the real path of a directory always wins.
        let mut next = 0;
        while next < tree.links.len() {
            let end = tree.links.len();
            let mut links = tree.links.split_off(next);
            sort(&mut links);
            tree.links.append(&mut links);
            for index in next..end {
                let path = tree.links[index].clone();
                if let Ok(inside) = files::open_beneath(root, path.as_bytes(), OFlags::RDONLY | OFlags::DIRECTORY) {
                    let depth = path.as_bytes().split(|byte| *byte == b'/').count();
                    tree.enter(root, &inside, &[path.as_bytes(), b"/"].concat(), depth)?;
                }
            }
            next = end;
        }
        sort(&mut tree.files);
        sort(&mut tree.links);
        Ok(tree)
    }

    fn enter(&mut self, root: &OwnedFd, directory: &OwnedFd, prefix: &[u8], depth: usize) -> Result<(), Failure> {
        let stat = fs::fstat(directory)?;
        let id = (stat.st_dev, stat.st_ino);
        if self.visited.contains(&id) {
            return Ok(());
        }
        bound(depth <= DEPTH_MAX, || format!("more than {DEPTH_MAX} levels of directories"))?;
        bound(self.visited.len() < DIRECTORIES_MAX, || format!("more than {DIRECTORIES_MAX} directories"))?;
        self.visited.push(id);
        let entries = files::entries_within(directory, &mut self.names_left);
        let entries = entries.map_err(|error| if error == Errno::FBIG { names_too_long() } else { error.into() })?;
        self.entries += entries.len();
        bound(self.entries <= ENTRIES_MAX, || format!("more than {ENTRIES_MAX} files"))?;
        for (name, listed) in entries.iter().filter(|(name, _)| !name.as_bytes().starts_with(b"..")) {
            let path = CString::new([prefix, name.as_bytes()].concat()).map_err(|_| Errno::INVAL)?;
            let cost = files::name_cost(path.as_bytes());
            self.names_left = self.names_left.checked_sub(cost).ok_or_else(names_too_long)?;
            match files::type_of(directory, name, *listed) {
                Ok(FileType::RegularFile) => self.files.push(path),
                Ok(FileType::Symlink) => self.link(root, path)?,
                Ok(FileType::Directory) => {
                    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
                    match files::open(directory, name.as_c_str(), flags) {
                        Ok(inside) => self.enter(root, &inside, &[path.as_bytes(), b"/"].concat(), depth + 1)?,
                        Err(Errno::ACCESS) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                // Sockets and the like.
                Ok(_) | Err(Errno::NOENT | Errno::ACCESS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn link(&mut self, root: &OwnedFd, path: CString) -> io::Result<()> {
        match files::open_beneath(root, path.as_bytes(), OFlags::PATH) {
            Ok(target) => match FileType::from_raw_mode(fs::fstat(&target)?.st_mode) {
                FileType::RegularFile => self.files.push(path),
                FileType::Directory => self.links.push(path),
                _ => {}
            },
            Err(Errno::XDEV) => {
                self.outside += 1;
                self.links.push(path);
            }
            // Dangling.
            Err(Errno::NOENT | Errno::ACCESS | Errno::LOOP | Errno::NOTDIR) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Adds a file's length to the bytes that are read of a volume.
pub fn add_content(read: &mut u64, length: u64) -> Result<(), Failure> {
    *read = read.saturating_add(length);
    bound(*read <= CONTENT_MAX_BYTES, || format!("more than {} MiB in its files", CONTENT_MAX_BYTES >> 20))
}

fn names_too_long() -> Failure {
    Failure::TooLarge(format!("more than {} MiB of file names", NAMES_MAX_BYTES >> 20))
}

fn bound(is_kept: bool, name: impl FnOnce() -> String) -> Result<(), Failure> {
    if is_kept { Ok(()) } else { Err(Failure::TooLarge(name())) }
}
