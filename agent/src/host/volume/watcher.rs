//! Notices that a volume may have changed. A node has few inotify instances (128 for each user). Without one, the watcher
//! uses dnotify (SIGIO after a change in a directory), and without that, it polls every second; so it does where the
//! instance gets no watch (their number is limited, too). It watches a directory again that was missing or replaced.

use super::read::{self, is_atomic};
use super::tree::{DEPTH_MAX, DIRECTORIES_MAX, NAMES_MAX_BYTES};
use crate::host::files;
use crate::runtime;
use agent::change::{DATA, Swap, SwapCheck};
use alloc::{string::String, vec::Vec};
use core::mem::MaybeUninit;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::fs::{CWD, FileType};
use rustix::io::{self, Errno};

/// Interval at which the watcher polls a directory, or tries to watch a missing one.
const POLL_MS: u64 = 1_000;
/// Interval with dnotify, which does not report everything, such as a replaced directory.
const DNOTIFY_POLL_MS: u64 = 30_000;
/// DN_MODIFY, DN_CREATE, DN_DELETE, DN_RENAME, DN_MULTISHOT (fcntl(2)).
const DNOTIFY_EVENTS: u32 = 0x2 | 0x4 | 0x8 | 0x10 | 0x8000_0000;

struct Watched {
    directory: String,
    is_atomic: bool,
    swap: Swap,
    /// The keys of the last complete swap; None if there may have been a swap since.
    keys: Option<u64>,
    watches: Vec<i32>,
    /// When to poll, and to try to watch again; None: inotify watches it.
    next_check: Option<u64>,
    fingerprint: Option<String>,
    /// The directory, open for dnotify.
    dnotify: Option<OwnedFd>,
}

/// Watches every volume.
pub struct Watcher {
    inotify: Option<OwnedFd>,
    volumes: Vec<Watched>,
}

impl Watcher {
    /// Starts watching, with the best of the three ways that works.
    pub fn new(directories: Vec<String>, now: u64) -> Watcher {
        let volumes = directories.into_iter().map(Watched::new).collect();
        let mut watcher = Watcher { inotify: init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok(), volumes };
        for index in 0..watcher.volumes.len() {
            watcher.watch(index, now);
        }
        watcher
    }

    /// The way in which a volume is watched, for /status.
    pub fn mode(&self, index: usize) -> &'static str {
        match &self.volumes[index] {
            Watched { next_check: None, .. } => "inotify",
            Watched { is_atomic: true, dnotify: Some(_), .. } => "dnotify",
            _ => "poll",
        }
    }

    /// Whether every volume has a `..data`.
    pub fn all_atomic(&self) -> bool {
        self.volumes.iter().all(|volume| volume.is_atomic)
    }

    /// The descriptor to poll for reading.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// The time at which `changes` is due without an event.
    pub fn deadline(&self) -> Option<u64> {
        self.volumes
            .iter()
            .filter_map(|volume| [volume.next_check, volume.swap.deadline()].into_iter().flatten().min())
            .min()
    }

    /// Watches a volume's directory; if that fails, tries again later. Whether the directory is watched with inotify.
    fn watch(&mut self, index: usize, now: u64) -> bool {
        let volume = &mut self.volumes[index];
        volume.is_atomic = is_atomic(&volume.directory);
        volume.keys = None;
        volume.next_check = Some(now + POLL_MS);
        let Some(inotify) = &self.inotify else {
            volume.watch_without_inotify(now);
            return false;
        };
        volume.watches.clear();
        let depth = if volume.is_atomic { 0 } else { DEPTH_MAX };
        let mut watches = Vec::new();
        let mut left = NAMES_MAX_BYTES;
        if watch_tree(inotify, volume.directory.as_bytes(), depth, &mut left, &mut watches).is_ok() {
            volume.watches = watches;
            volume.next_check = None;
            volume.keys = volume.complete_keys(None);
        }
        volume.next_check.is_none()
    }

    /// SIGIO arrived: some directory changed.
    pub fn on_dnotify(&mut self, now: u64) {
        self.volumes.iter_mut().for_each(|volume| volume.next_check = volume.next_check.map(|_| now));
    }

    /// Reads the events; the volumes whose content may have changed.
    pub fn changes(&mut self, now: u64) -> Vec<usize> {
        let mut changed = Vec::new();
        let mut lost = Vec::new();
        self.read_events(now, &mut changed, &mut lost);
        for index in 0..self.volumes.len() {
            let volume = &mut self.volumes[index];
            if lost.contains(&index) || volume.next_check.is_some_and(|at| now >= at) {
                let is_watched = self.watch(index, now);
                // Events before the new watch are lost.
                if is_watched {
                    changed.push(index);
                } else if self.volumes[index].has_new_fingerprint() {
                    self.volumes[index].swap.found(now);
                }
            }
            let volume = &mut self.volumes[index];
            if volume.swap.deadline().is_some() {
                let keys = volume.complete_keys(volume.keys);
                let is_complete = keys.is_some() || !volume.is_atomic;
                if volume.swap.checked(is_complete, now) == SwapCheck::Changed {
                    volume.keys = keys;
                    volume.is_atomic = keys.is_some() || is_atomic(&volume.directory);
                    changed.push(index);
                }
            }
        }
        // Each index once, in order. A sort of a few numbers would add 2 kB to the binary.
        (0..self.volumes.len()).filter(|index| changed.contains(index)).collect()
    }

    fn read_events(&mut self, now: u64, changed: &mut Vec<usize>, lost: &mut Vec<usize>) {
        let Some(inotify) = &self.inotify else { return };
        let mut buffer = [MaybeUninit::uninit(); 2048];
        let mut reader = Reader::new(inotify, &mut buffer);
        while let Ok(event) = reader.next() {
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                lost.extend(0..self.volumes.len());
                continue;
            }
            let Some(index) = self.volumes.iter().position(|volume| volume.watches.contains(&event.wd())) else {
                continue;
            };
            let volume = &mut self.volumes[index];
            if flags.intersects(ReadFlags::IGNORED | ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT)
            {
                lost.push(index);
                continue;
            }
            // A new directory in a volume written in place: watch it, too.
            if !volume.is_atomic
                && flags.contains(ReadFlags::ISDIR)
                && flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO)
            {
                lost.push(index);
            }
            let name = event.file_name().map_or(&b""[..], |name| name.to_bytes());
            if volume.swap.deadline().is_some() && name == DATA.as_bytes() {
                volume.keys = None;
            }
            if volume.swap.event(volume.is_atomic, name, now) == SwapCheck::Changed {
                changed.push(index);
            }
            // The next events wake the loop again.
            if reader.is_buffer_empty() {
                break;
            }
        }
    }
}

impl Watched {
    fn new(directory: String) -> Watched {
        let fingerprint = read::fingerprint(&directory);
        Watched {
            directory,
            is_atomic: false,
            swap: Swap::default(),
            keys: None,
            watches: Vec::new(),
            next_check: None,
            fingerprint,
            dnotify: None,
        }
    }

    /// Watches without inotify. dnotify does not report changes in subdirectories, so a volume written in place is polled.
    fn watch_without_inotify(&mut self, now: u64) {
        self.dnotify = files::open_directory(CWD, self.directory.as_str()).ok();
        self.dnotify.take_if(|directory| !runtime::notify_by_signal(directory.as_fd(), DNOTIFY_EVENTS));
        if self.dnotify.is_some() && self.is_atomic {
            self.next_check = Some(now + DNOTIFY_POLL_MS);
        }
    }

    fn complete_keys(&self, known: Option<u64>) -> Option<u64> {
        if self.is_atomic { read::complete_keys(&self.directory, known) } else { None }
    }

    fn has_new_fingerprint(&mut self) -> bool {
        let now = read::fingerprint(&self.directory);
        let is_new = now != self.fingerprint;
        self.fingerprint = now;
        is_new
    }
}

/// Watches a directory and those below it, as far as a volume may be large: a larger one is not read either.
fn watch_tree(inotify: &OwnedFd, path: &[u8], depth: usize, left: &mut usize, found: &mut Vec<i32>) -> io::Result<()> {
    let flags = WatchFlags::CLOSE_WRITE
        | WatchFlags::MOVED_TO
        | WatchFlags::MOVED_FROM
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR;
    found.push(add_watch(inotify, path, flags)?);
    if depth == 0 {
        return Ok(());
    }
    let directory = files::open_directory(CWD, path)?;
    for (name, listed) in files::entries_within(&directory, left).unwrap_or_default() {
        let is_directory = || files::type_of(&directory, &name, listed) == Ok(FileType::Directory);
        if found.len() < DIRECTORIES_MAX && is_directory() {
            match watch_tree(inotify, &[path, b"/", name.as_bytes()].concat(), depth - 1, left, found) {
                Ok(()) | Err(Errno::NOENT | Errno::ACCESS) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
