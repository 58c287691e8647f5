//! The file with the agent's saved state. It is in an emptyDir, so it outlives the container but not the Pod.

use super::random::random;
use super::{files, log};
use agent::saved_state::{RECORD_BYTES, SavedState};
use alloc::string::String;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, fstat};
use rustix::io::{self, Errno};

/// As many volumes as the containers of a Pod may watch (docs/limits.md), with a line each.
const STATE_MAX_BYTES: usize = 256 << 10;

/// The state, and its file.
pub struct StateFile {
    path: String,
    /// The file, if this process has created it, and the turn of its last record.
    file: Option<(OwnedFd, u64)>,
    written: Option<String>,
    /// The state; `save` writes it.
    pub state: SavedState,
}

impl StateFile {
    /// Opens the file; whether it had a state. Without one, the state is new.
    pub fn open(path: String) -> (StateFile, bool) {
        let saved = files::read_own(&path, STATE_MAX_BYTES).ok().and_then(|bytes| SavedState::newest(&bytes));
        let had_state = saved.is_some();
        let state = saved.unwrap_or_else(|| SavedState { key: random(), ..SavedState::default() });
        (StateFile { path, file: None, written: None, state }, had_state)
    }

    /// Writes the state if it changed. The agent works without the file: its next start then takes the content that it
    /// finds as loaded.
    pub fn save(&mut self) {
        let text = self.state.text();
        if self.written.as_deref() == Some(&text) {
            return;
        }
        match self.write(&text) {
            Ok(()) => self.written = Some(text),
            // An agent in place of another sidecar has no directory for it.
            Err(Errno::NOENT) => {}
            Err(error) => {
                log::warn("could not save state")
                    .string("file", &self.path)
                    .string("error", &files::describe(error))
                    .write();
            }
        }
    }

    /// Overwrites the older record of the file. To replace the file each time would cost the next change of the volume:
    /// ext4 writes out a file that is renamed over another one, and a rename may wait for that.
    fn write(&mut self, text: &str) -> io::Result<()> {
        if let Some((file, turn)) = &mut self.file
            && fstat(&*file)?.st_nlink > 0
        {
            let record = SavedState::record(*turn + 1, text);
            if record.len() == RECORD_BYTES {
                files::write_at(file, record.as_bytes(), (*turn + 1) % 2 * RECORD_BYTES as u64)?;
                *turn += 1;
                return Ok(());
            }
        }
        let record = SavedState::record(0, text);
        let file = files::replace_open(&self.path, record.as_bytes(), Mode::from_raw_mode(0o600))?;
        self.file = (record.len() == RECORD_BYTES).then_some((file, 0));
        Ok(())
    }
}
