//! Notices that a volume may have changed. inotify instances are few (128 for each user of a node); when they are used
//! up there is dnotify (SIGIO at a change in a directory), and behind that looking every second. A directory that is
//! missing or replaced is watched again.

use super::{files, link::is_atomic, volume};
use crate::runtime;
use agent::change::{Look, Swap};
use alloc::{ffi::CString, string::String, vec::Vec};
use core::mem::MaybeUninit;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::fs::{self, AtFlags, CWD, FileType};
use rustix::io::{self, Errno};

/// Between two looks at a directory that is missing, or where only looking is left.
const LOOK_AGAIN_MS: u64 = 1_000;
/// With dnotify: what it does not tell, such as a replaced directory, is found this much later.
const LOOK_RARELY_MS: u64 = 30_000;
/// DN_MODIFY, DN_CREATE, DN_DELETE, DN_RENAME, DN_MULTISHOT (fcntl(2)).
const DNOTIFY_EVENTS: u32 = 0x2 | 0x4 | 0x8 | 0x10 | 0x8000_0000;
/// Directories watched below a volume written in place.
const DEPTH_MAX: u32 = 16;

struct Watched {
    directory: String,
    atomic: bool,
    swap: Swap,
    watches: Vec<i32>,
    /// When to try again to watch; or, without inotify, to look.
    again: Option<u64>,
    fingerprint: Option<String>,
    /// Held open for dnotify.
    notified: Option<OwnedFd>,
}

/// Watches every volume.
pub struct Watcher {
    inotify: Option<OwnedFd>,
    volumes: Vec<Watched>,
}

impl Watcher {
    /// Starts watching, as well as it can.
    pub fn new(directories: Vec<String>, now: u64) -> Watcher {
        let volumes = directories.into_iter().map(Watched::new).collect();
        let mut watcher = Watcher { inotify: init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok(), volumes };
        for index in 0..watcher.volumes.len() {
            watcher.watch(index, now);
        }
        watcher
    }

    /// How a volume is watched, for /status.
    pub fn how(&self) -> &'static str {
        match &self.inotify {
            Some(_) => "inotify",
            None if self.volumes.iter().all(|volume| volume.notified.is_some()) => "dnotify",
            None => "poll",
        }
    }

    /// Whether every volume has a `..data`.
    pub fn all_atomic(&self) -> bool {
        self.volumes.iter().all(|volume| volume.atomic)
    }

    /// What to poll for reading.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// When `look` is due without an event.
    pub fn deadline(&self) -> Option<u64> {
        self.volumes
            .iter()
            .filter_map(|volume| [volume.again, volume.swap.deadline()].into_iter().flatten().min())
            .min()
    }

    /// Watches a volume's directory; where that fails, tries again later. Whether it is watched.
    fn watch(&mut self, index: usize, now: u64) -> bool {
        let volume = &mut self.volumes[index];
        volume.atomic = is_atomic(&volume.directory);
        volume.again = Some(now + LOOK_AGAIN_MS);
        let Some(inotify) = &self.inotify else {
            volume.notify(now);
            return false;
        };
        volume.watches.clear();
        let depth = if volume.atomic { 0 } else { DEPTH_MAX };
        let mut watches = Vec::new();
        if watch_tree(inotify, volume.directory.as_bytes(), depth, &mut watches).is_ok() {
            volume.watches = watches;
            volume.again = None;
        }
        volume.again.is_none()
    }

    /// SIGIO came: some directory changed.
    pub fn notified(&mut self, now: u64) {
        self.volumes.iter_mut().for_each(|volume| volume.again = volume.again.map(|_| now));
    }

    /// Reads what happened; the volumes whose content may have changed.
    pub fn look(&mut self, now: u64) -> Vec<usize> {
        let mut changed = Vec::new();
        let mut lost = Vec::new();
        self.read_events(now, &mut changed, &mut lost);
        for index in 0..self.volumes.len() {
            let volume = &mut self.volumes[index];
            if lost.contains(&index) || volume.again.is_some_and(|again| now >= again) {
                let is_new = self.watch(index, now);
                // Watched again: whatever happened in between was missed.
                if is_new {
                    changed.push(index);
                } else if self.inotify.is_none() && self.volumes[index].looks_different() {
                    self.volumes[index].swap.found(now);
                }
            }
            let volume = &mut self.volumes[index];
            if volume.swap.deadline().is_some() {
                let complete = !volume.atomic || volume::complete(&volume.directory);
                if volume.swap.checked(complete, now) == Look::Changed {
                    volume.atomic = is_atomic(&volume.directory);
                    changed.push(index);
                }
            }
        }
        // Each once and in order; a sort for a handful of numbers would be 2 kB of the binary.
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
            // A new directory in a volume written in place: watched from now on.
            if !volume.atomic
                && flags.contains(ReadFlags::ISDIR)
                && flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO)
            {
                lost.push(index);
            }
            let name = event.file_name().map_or(&b""[..], |name| name.to_bytes());
            if volume.swap.event(volume.atomic, flags.contains(ReadFlags::MOVED_TO), name, now) == Look::Changed {
                changed.push(index);
            }
        }
    }
}

impl Watched {
    fn new(directory: String) -> Watched {
        let fingerprint = volume::fingerprint(&directory);
        Watched {
            directory,
            atomic: false,
            swap: Swap::default(),
            watches: Vec::new(),
            again: None,
            fingerprint,
            notified: None,
        }
    }

    /// Watches without inotify. dnotify does not see into directories, so for a volume written in place looking stays.
    fn notify(&mut self, now: u64) {
        self.notified = files::open_directory(CWD, self.directory.as_str()).ok();
        self.notified.take_if(|directory| !runtime::notify_by_signal(directory.as_fd(), DNOTIFY_EVENTS));
        if self.notified.is_some() && self.atomic {
            self.again = Some(now + LOOK_RARELY_MS);
        }
    }

    fn looks_different(&mut self) -> bool {
        let now = volume::fingerprint(&self.directory);
        let different = now != self.fingerprint;
        self.fingerprint = now;
        different
    }
}

fn watch_tree(inotify: &OwnedFd, path: &[u8], depth: u32, found: &mut Vec<i32>) -> io::Result<()> {
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
    for name in files::names(&directory)? {
        let is_directory = |name: &CString| {
            let stat = fs::statat(&directory, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW);
            stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
        };
        if is_directory(&name) {
            match watch_tree(inotify, &[path, b"/", name.as_bytes()].concat(), depth - 1, found) {
                Ok(()) | Err(Errno::NOENT | Errno::ACCESS) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
