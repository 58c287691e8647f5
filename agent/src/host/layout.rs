//! Where things lie in the containers (the contract with the webhook).

use agent::options::Volume;
use alloc::{format, string::String};
use core::ffi::CStr;

/// The directory that the webhook mounts everything below. Tests put another in HOTRELOAD_ROOT.
pub struct Layout(String);

impl Layout {
    /// From the environment.
    pub fn new(environment: &[&CStr]) -> Layout {
        let other = environment.iter().find_map(|entry| entry.to_str().ok()?.strip_prefix("HOTRELOAD_ROOT="));
        Layout(other.unwrap_or("/.hotreload").into())
    }

    /// A path below the directory.
    pub fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.0)
    }

    /// A watched volume's directory.
    pub fn volume(&self, name: &str) -> String {
        self.path(&format!("vol/{name}"))
    }

    /// Where a volume that was asked for is.
    pub fn directory(&self, asked: &Volume) -> String {
        asked.directory.clone().unwrap_or_else(|| self.volume(&asked.name))
    }

    /// The agent's memory for a container.
    pub fn memory(&self, container: &str) -> String {
        self.path(&format!("state/{container}"))
    }
}
