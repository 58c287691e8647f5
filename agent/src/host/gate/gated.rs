//! The directories of one gated volume.

use super::generation;
use crate::host::layout::{CANDIDATE, KEPT, Layout, PUBLISHED};
use crate::host::volume::subpath_files;
use crate::host::volume::tree::Failure;
use crate::host::{files, log};
use agent::change;
use agent::gate::{self, record};
use agent::options::watch::{Options, Volume};
use agent::subpath_file::{Kind, SubPathFile};
use alloc::{format, string::String, vec::Vec};
use rustix::fs::{self, CWD, Mode};
use rustix::io::{self, Errno};

const CHECKSUM_MAX_BYTES: usize = 64;
/// Some trials, a line each.
const RECORD_MAX_BYTES: usize = 64 << 10;

/// The files of its trials.
struct Trials {
    kept: String,
    record: String,
}

/// Its paths.
pub struct Gated {
    /// Among all watched volumes.
    pub index: usize,
    pub name: String,
    pub mounted: String,
    candidate: String,
    pub published: String,
    /// Holds the checksum of published content that was refused.
    unproved: String,
    /// What is remembered of its trials; None: there are none.
    trials: Option<Trials>,
    /// Rewritten subPath files, and the validator's copy of each.
    copies: Vec<(SubPathFile, String)>,
}

impl Gated {
    /// The volume with this index among all.
    pub fn new(index: usize, volume: &Volume, options: &Options, layout: &Layout) -> Gated {
        Gated {
            index,
            name: volume.name.clone(),
            mounted: layout.mounted(volume),
            candidate: layout.gate(&volume.name, CANDIDATE),
            published: layout.gate(&volume.name, PUBLISHED),
            unproved: layout.gate(&volume.name, "unproved"),
            trials: options
                .bake
                .map(|_| Trials { kept: layout.gate(&volume.name, KEPT), record: layout.gate(&volume.name, "trials") }),
            copies: copies(options, layout, &volume.name),
        }
    }

    /// Prepares the directories; what they hold, and whether the program was healthy before it got what is published.
    pub fn start(&self, is_first: bool) -> (gate::Volume<String>, bool) {
        let kept = self.trials.as_ref().map(|trials| &trials.kept);
        for directory in [&self.candidate, &self.published].into_iter().chain(kept) {
            if let Err(error) = self.prepare(directory, is_first) {
                log::warn("gate not prepared")
                    .string("volume", &self.name)
                    .string("error", &files::describe(error))
                    .write();
            }
        }
        let published = generation::whole(&self.published);
        let unproved = files::read(CWD, self.unproved.as_str(), CHECKSUM_MAX_BYTES).unwrap_or_default();
        let is_unproved = published.as_ref().is_some_and(|checksum| checksum.as_bytes() == unproved);
        let mut volume = gate::Volume::new(published, is_unproved);
        volume.good = kept.and_then(|kept| generation::whole(kept));
        let was_healthy = record::read(&self.record(), &mut volume);
        (volume, was_healthy)
    }

    fn record(&self) -> String {
        let read = |trials: &Trials| files::read_own(&trials.record, RECORD_MAX_BYTES).ok();
        String::from_utf8(self.trials.as_ref().and_then(read).unwrap_or_default()).unwrap_or_default()
    }

    /// Remembers the trials of the volume.
    pub fn save(&self, was_healthy: bool, volume: &gate::Volume<String>) {
        let Some(trials) = &self.trials else { return };
        let text = record::text(was_healthy, volume);
        if text != self.record()
            && let Err(error) = files::replace(&trials.record, text.as_bytes(), Mode::from_raw_mode(0o600))
        {
            log::warn("could not save state")
                .string("file", &trials.record)
                .string("error", &files::describe(error))
                .write();
        }
    }

    /// Keeps a copy of what is published, whose checksum this is.
    pub fn keep(&self, checksum: &str) -> Result<(), Failure> {
        let Some(trials) = &self.trials else { return Ok(()) };
        generation::replace(&self.published, &trials.kept, checksum)?;
        log::info("good").string("volume", &self.name).string("sha256", checksum).write();
        Ok(())
    }

    /// Publishes the copy, whose checksum this is.
    pub fn revert(&self, checksum: &str) -> Result<(), Failure> {
        let Some(trials) = &self.trials else { return Ok(()) };
        generation::replace(&trials.kept, &self.published, checksum)?;
        log::warn("reverted").string("volume", &self.name).string("sha256", checksum).write();
        Ok(())
    }

    /// Publishes the candidate.
    pub fn publish(&self, checksum: &str, is_proved: bool) -> Result<(), Failure> {
        if !is_proved {
            files::replace(&self.unproved, checksum.as_bytes(), Mode::from_raw_mode(0o600))?;
        }
        generation::replace(&self.candidate, &self.published, checksum)?;
        if is_proved {
            let _ = fs::unlink(self.unproved.as_str());
        }
        let line = if is_proved { log::info("published") } else { log::warn("published, though it was refused") };
        line.string("volume", &self.name).string("sha256", checksum).write();
        Ok(())
    }

    fn prepare(&self, directory: &str, is_first: bool) -> io::Result<()> {
        files::make_directories(directory)?;
        if is_first && generation::whole(directory).is_none() {
            // A power cut tore it, or it is empty.
            let _ = fs::unlink(format!("{directory}/{}", change::DATA).as_str());
        }
        generation::tidy(&files::open_directory(CWD, directory)?)
    }

    /// Shows what is published to validators and commands: a command, and a validator of another volume, look at the candidate.
    pub fn restore(&self) -> Result<(), Failure> {
        let checksum = generation::checksum(&self.published)?;
        self.set_candidate(&self.published, &checksum).or_else(|_| {
            // On a full disk the refused content makes room.
            let _ = fs::unlink(format!("{}/{}", self.candidate, change::DATA).as_str());
            self.prepare(&self.candidate, false)?;
            self.set_candidate(&self.published, &checksum)
        })
    }

    /// Shows the content of `from` to validators and commands.
    pub fn set_candidate(&self, from: &str, checksum: &str) -> Result<(), Failure> {
        generation::replace(from, &self.candidate, checksum)?;
        for (file, path) in &self.copies {
            match subpath_files::copy(file, &self.candidate, path) {
                // The key is gone: what the program does then is the validator's question.
                Ok(_) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn copies(options: &Options, layout: &Layout, volume: &str) -> Vec<(SubPathFile, String)> {
    let of_volume = options.subpath_files.iter().filter(|file| file.volume == volume && file.kind == Kind::Copy);
    of_volume.map(|file| (file.clone(), layout.path(&file.candidate()))).collect()
}
