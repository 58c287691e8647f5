//! The watched volumes' state: what is there, and what is loaded.

use super::layout::Layout;
use super::{clock, volume};
use agent::digest::{Digest, SipHash};
use agent::engine::Examined;
use agent::errors::Problem;
use agent::memory::Memory;
use agent::options;
use alloc::{string::String, vec::Vec};

/// One volume.
pub struct State {
    /// How it was asked for.
    pub asked: options::Volume,
    /// Where it is mounted.
    pub directory: String,
    /// It may hold something else than was read last.
    pub dirty: bool,
    /// When an event said so, milliseconds since boot; None: it was not watched yet.
    pub noticed: Option<u64>,
    /// Digest of what is there.
    pub digest: Option<u128>,
    /// Digest for which its subPath files were refreshed.
    pub refreshed: Option<u128>,
    /// What `..data` leads to.
    pub generation: Option<String>,
    /// What it led to when it was loaded.
    pub loaded_generation: Option<String>,
    /// Wall time of the load; 0: never by this agent.
    pub loaded_at: u64,
    /// SHA-256 of what is loaded.
    pub sha256: Option<String>,
    /// When the content came, milliseconds since boot.
    pub since: u64,
}

impl State {
    /// Nothing read yet.
    pub fn new(asked: options::Volume, layout: &Layout) -> State {
        State {
            directory: layout.directory(&asked),
            asked,
            dirty: true,
            noticed: None,
            digest: None,
            refreshed: None,
            generation: None,
            loaded_generation: None,
            loaded_at: 0,
            sha256: None,
            since: 0,
        }
    }

    /// Reads it where it may have changed; whether its content became another.
    pub fn read(&mut self, key: [u64; 2]) -> Result<bool, Problem> {
        if !self.dirty {
            return Ok(false);
        }
        let reading = volume::read(&self.directory, &self.asked.ignored, key)?;
        self.dirty = false;
        let different = self.digest != Some(reading.digest);
        (self.digest, self.generation) = (Some(reading.digest), reading.generation);
        if different {
            self.since = self.noticed.unwrap_or(reading.since);
        }
        Ok(different)
    }

    /// Whether what is there is what is loaded.
    pub fn is_loaded(&self, memory: &Memory) -> bool {
        self.digest.is_some() && memory.loaded(&self.asked.name) == self.digest
    }

    /// What is there has been loaded at wall time `at`.
    pub fn loaded(&mut self, memory: &mut Memory, at: u64) {
        let Some(digest) = self.digest else { return };
        let new = memory.loaded(&self.asked.name) != Some(digest);
        self.loaded_generation.clone_from(&self.generation);
        if new || self.sha256.is_none() {
            self.sha256 = if self.asked.secret {
                None
            } else {
                volume::sha256(&self.directory, &self.asked.ignored, &self.generation)
            };
        }
        if new {
            memory.loaded.retain(|(name, _)| *name != self.asked.name);
            memory.loaded.push((self.asked.name.clone(), digest));
            self.loaded_at = at;
        }
    }
}

/// What all of them hold together.
pub fn summary(volumes: &[State], memory: &Memory) -> Examined {
    if volumes.iter().all(|volume| volume.is_loaded(memory)) {
        return Examined::Same;
    }
    let mut hash = SipHash::new(memory.key);
    volumes.iter().for_each(|volume| hash.update(&volume.digest.unwrap_or(0).to_le_bytes()));
    Examined::Changed(hash.finish())
}

/// Marks what is there as loaded.
pub fn all_loaded(volumes: &mut [State], memory: &mut Memory) {
    let at = clock::wall();
    volumes.iter_mut().for_each(|volume| volume.loaded(memory, at));
}

/// When the newest of what is not loaded came.
pub fn newest(volumes: &[State], memory: &Memory) -> u64 {
    let new: Vec<u64> = volumes.iter().filter(|volume| !volume.is_loaded(memory)).map(|volume| volume.since).collect();
    new.into_iter().max().unwrap_or(0)
}
