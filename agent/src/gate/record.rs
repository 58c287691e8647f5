//! What the agent remembers of a volume's trials over its own restarts: a file of lines `word value…` in the gate's
//! directory. A line that can't be read counts as missing: what is published and kept is the truth.

use super::{Reverted, Unhealthy, Volume};
use alloc::string::String;
use core::fmt::Write;

/// The last ones; each takes a trial.
const REVERTED_MAX: usize = 16;

/// The file's text. `was_healthy`: the program was healthy right before it lost its good content.
pub fn text(was_healthy: bool, volume: &Volume<String>) -> String {
    let mut text = String::from(if was_healthy { "healthy \n" } else { "" });
    if let Some(released) = &volume.released {
        let _ = writeln!(text, "released {released}");
    }
    let first = volume.reverted.len().saturating_sub(REVERTED_MAX);
    for Reverted { content, why } in &volume.reverted[first..] {
        let _ = writeln!(text, "reverted {content} {} {}", why.since, why.reason);
    }
    text
}

/// Reads the file's text into a volume; whether the program was healthy.
pub fn read(text: &str, volume: &mut Volume<String>) -> bool {
    let mut was_healthy = false;
    for (word, value) in text.lines().filter_map(|line| line.split_once(' ')) {
        match word {
            "healthy" => was_healthy = true,
            "released" => volume.released = Some(value.into()),
            "reverted" => volume.reverted.extend(reverted(value)),
            _ => {}
        }
    }
    was_healthy
}

fn reverted(value: &str) -> Option<Reverted<String>> {
    let (content, rest) = value.split_once(' ')?;
    let (since, reason) = rest.split_once(' ')?;
    let why = Unhealthy { since: since.parse().ok()?, reason: reason.into() };
    Some(Reverted { content: content.into(), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_written_record_is_read_back(was_healthy: bool, released in proptest::option::of("[0-9a-f]{64}"), reverted in proptest::collection::vec(("[0-9a-f]{64}", any::<u64>(), "[!-~]([ -~]{0,20}[!-~])?"), 0..20)) {
            let mut volume = Volume::new(None, false);
            volume.released = released;
            let entry = |(content, since, reason)| Reverted { content, why: Unhealthy { since, reason } };
            volume.reverted = reverted.into_iter().map(entry).collect();
            let mut found = Volume::new(None, false);
            prop_assert_eq!(read(&text(was_healthy, &volume), &mut found), was_healthy);
            prop_assert_eq!(found.released, volume.released);
            let last: Vec<_> = volume.reverted.split_off(volume.reverted.len().saturating_sub(REVERTED_MAX));
            prop_assert_eq!(found.reverted, last);
        }

        #[test]
        fn any_text_is_read(text in any::<String>()) {
            read(&text, &mut Volume::new(None, false));
        }
    }
}
