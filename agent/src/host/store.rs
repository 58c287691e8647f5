//! The agent's memory on disk: an emptyDir, so it outlives the container but not the Pod.

use super::{files, log};
use agent::memory::Memory;
use alloc::string::String;
use rustix::fs::{CWD, Mode};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// A few volumes with a line each.
const MEMORY_MAX_BYTES: usize = 64 << 10;

/// The file of one agent.
pub struct Store {
    path: String,
    written: Option<String>,
}

impl Store {
    /// Opens the memory; None where there is none that can be believed.
    pub fn open(path: String) -> (Store, Option<Memory>) {
        let text =
            files::read(CWD, path.as_str(), MEMORY_MAX_BYTES).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let memory = text.as_deref().and_then(Memory::parse);
        (Store { path, written: text }, memory)
    }

    /// Writes it where it differs from what is there. Not having a memory is no reason to stop: the next start then takes
    /// what it finds as loaded.
    pub fn save(&mut self, memory: &Memory) {
        let text = memory.text();
        if self.written.as_deref() == Some(&text) {
            return;
        }
        match files::replace(&self.path, text.as_bytes(), Mode::from_raw_mode(0o600)) {
            Ok(()) => self.written = Some(text),
            // The drop-in modes have no directory for it.
            Err(Errno::NOENT) => {}
            Err(error) => {
                log::warn("could not write memory")
                    .string("file", &self.path)
                    .string("error", &files::describe(error))
                    .write();
            }
        }
    }
}

/// Random numbers that nobody else knows.
pub fn random() -> [u64; 2] {
    let mut bytes = [0; 16];
    let _ = getrandom(&mut bytes, GetRandomFlags::empty());
    let (halves, _) = bytes.as_chunks::<8>();
    [u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1])]
}
