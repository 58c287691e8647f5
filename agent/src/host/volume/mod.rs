//! The watched volumes: which content is mounted, and which is loaded.

pub mod read;
pub mod subpath_files;
pub mod tree;
pub mod watcher;

use super::clock;
use super::layout::Layout;
use agent::digest::{Digest, SipHash};
use agent::errors::Problem;
use agent::options::watch;
use agent::saved_state::SavedState;
use alloc::string::String;

/// The state of one volume.
pub struct VolumeState {
    /// Its flags.
    pub options: watch::Volume,
    /// Its directory.
    pub directory: String,
    /// The content may have changed since the last read.
    pub is_dirty: bool,
    /// The time of the event that reported it, milliseconds since boot; None before the first.
    pub changed_at: Option<u64>,
    /// The digest of the mounted content.
    pub digest: Option<u128>,
    /// The digest for which the subPath files were refreshed.
    pub refreshed: Option<u128>,
    /// The target of `..data`.
    pub generation: Option<String>,
    /// Its target when the content was loaded.
    pub loaded_generation: Option<String>,
    /// The time of the load, milliseconds since 1970; 0: never by this agent.
    pub loaded_at: u64,
    /// SHA-256 of the loaded content.
    pub sha256: Option<String>,
    /// When the mounted content appeared, milliseconds since boot.
    pub since: u64,
    /// Since when other content than the loaded one is mounted, milliseconds since boot.
    pub unloaded_since: Option<u64>,
    /// The volume has symlinks that lead out of it.
    pub outside: Option<Problem>,
}

impl VolumeState {
    /// A volume that was not read yet.
    pub fn new(options: watch::Volume, layout: &Layout) -> VolumeState {
        VolumeState {
            directory: layout.directory(&options),
            options,
            is_dirty: true,
            changed_at: None,
            digest: None,
            refreshed: None,
            generation: None,
            loaded_generation: None,
            loaded_at: 0,
            sha256: None,
            since: 0,
            unloaded_since: None,
            outside: None,
        }
    }

    /// Reads the content if it may have changed; whether it did change.
    pub fn read(&mut self, key: [u64; 2]) -> Result<bool, Problem> {
        if !self.is_dirty {
            return Ok(false);
        }
        let reading = read::read(&self.directory, &self.options.ignored, key)?;
        self.is_dirty = false;
        let has_changed = self.digest != Some(reading.digest);
        (self.digest, self.generation, self.outside) = (Some(reading.digest), reading.generation, reading.outside);
        if has_changed {
            self.since = self.changed_at.unwrap_or_else(|| read::since(&self.directory));
        }
        Ok(has_changed)
    }

    /// Whether the mounted content is loaded.
    pub fn is_loaded(&self, saved: &SavedState) -> bool {
        self.digest.is_some() && saved.loaded(&self.options.name) == self.digest
    }

    /// Whether the mounted content is loaded, and no event says that there may be another one.
    pub fn is_settled(&self, saved: &SavedState) -> bool {
        !self.is_dirty && self.is_loaded(saved)
    }

    /// Records that the program has the mounted content, or was sent its reload, at `at`, milliseconds since 1970.
    pub fn set_loaded(&mut self, saved: &mut SavedState, at: u64, is_confirmed: bool) {
        let Some(digest) = self.digest else { return };
        let is_new = saved.loaded(&self.options.name) != Some(digest);
        self.unloaded_since = None;
        self.loaded_generation.clone_from(&self.generation);
        if is_new || self.sha256.is_none() {
            self.sha256 = if self.options.secret {
                None
            } else {
                read::sha256(&self.directory, &self.options.ignored, &self.generation)
            };
        }
        saved.set_loaded(&self.options.name, digest, is_confirmed);
        if is_new {
            self.loaded_at = at;
        }
    }
}

/// Mounted content that is not loaded yet.
#[derive(Clone, Copy)]
pub struct Change {
    /// One digest for all volumes.
    pub digest: u128,
    /// When the newest of it appeared, milliseconds since boot.
    pub since: u64,
    /// Whether a volume with the program's environment is part of it: only a restart of the container loads that.
    pub env: bool,
    /// Whether all of it is published content, which was judged before.
    pub gated: bool,
}

/// Compares the mounted content of all volumes with the loaded content; None if everything is loaded.
pub fn change(volumes: &[VolumeState], saved: &SavedState) -> Option<Change> {
    let is_new = |volume: &&VolumeState| !volume.is_loaded(saved);
    let since = volumes.iter().filter(is_new).map(|volume| volume.since).max()?;
    let env = volumes.iter().filter(is_new).any(|volume| volume.options.env);
    let gated = volumes.iter().filter(is_new).all(|volume| volume.options.gated);
    let mut hash = SipHash::new(saved.key);
    volumes.iter().for_each(|volume| hash.update(&volume.digest.unwrap_or(0).to_le_bytes()));
    Some(Change { digest: hash.finish(), since, env, gated })
}

/// Forgets what the program had before a reload of which nobody knows whether it takes place: what comes back is loaded
/// again.
pub fn forget_replaced(volumes: &[VolumeState], saved: &mut SavedState) {
    for volume in volumes {
        if !volume.is_loaded(saved) {
            saved.forget(&volume.options.name);
        }
    }
}

/// Where the loaded content is mounted again, forgets that it is loaded if the program started meanwhile: it has read the
/// other. `started` is the time of that, milliseconds since boot.
pub fn forget_reread(volumes: &mut [VolumeState], saved: &mut SavedState, started: &dyn Fn() -> Option<u64>) {
    for volume in volumes {
        if !volume.is_loaded(saved) {
            volume.unloaded_since.get_or_insert(volume.since);
        } else if volume.unloaded_since.take().is_some_and(|since| started().is_some_and(|started| started > since)) {
            saved.forget(&volume.options.name);
        }
    }
}

/// Records that the program has the mounted content of all volumes, or was sent its reload.
pub fn set_all_loaded(volumes: &mut [VolumeState], saved: &mut SavedState, is_confirmed: bool) {
    let at = clock::wall();
    volumes.iter_mut().for_each(|volume| volume.set_loaded(saved, at, is_confirmed));
}
