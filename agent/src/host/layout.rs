//! The paths in the containers, which the webhook mounts.

use agent::options::watch::Volume;
use alloc::{format, string::String};
use core::ffi::CStr;

/// What the program sees of a gated volume. It is never replaced, only its content: the program's mount is this directory.
pub const PUBLISHED: &str = "published";
/// A copy of its last good content.
pub const KEPT: &str = "kept";
/// What validators and reload commands see of it.
pub const CANDIDATE: &str = "candidate";

/// The directory above all mounts of the webhook. Tests set another one in HOTRELOAD_ROOT.
pub struct Layout(String);

impl Layout {
    /// Reads the environment.
    pub fn new(environment: &[&CStr]) -> Layout {
        let other = environment.iter().find_map(|entry| entry.to_str().ok()?.strip_prefix("HOTRELOAD_ROOT="));
        Layout(other.unwrap_or("/.hotreload").into())
    }

    /// A path below the directory.
    pub fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.0)
    }

    /// The directory of a volume below `vol/`.
    pub fn volume(&self, name: &str) -> String {
        self.path(&format!("vol/{name}"))
    }

    /// The directory of a watched volume, as the program sees it.
    pub fn directory(&self, volume: &Volume) -> String {
        if volume.gated {
            return self.gate(&volume.name, PUBLISHED);
        }
        volume.directory.clone().unwrap_or_else(|| self.volume(&volume.name))
    }

    /// The directory of a watched volume, as the kubelet fills it.
    pub fn mounted(&self, volume: &Volume) -> String {
        if volume.gated { self.path(&format!("live/{}", volume.name)) } else { self.directory(volume) }
    }

    /// A part of the gate of a volume.
    pub fn gate(&self, volume: &str, part: &str) -> String {
        self.path(&format!("gate/{volume}/{part}"))
    }

    /// The file with the agent's saved state for a container.
    pub fn state(&self, container: &str) -> String {
        self.path(&format!("state/{container}"))
    }
}
