//! Signal names and numbers, as signal(7) has them on x86 and ARM.

use alloc::{format, string::String};

const NAMES: [(&str, u32); 30] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("SYS", 31),
];

/// The number of `SIGHUP`, `HUP`, `hup` or `1`. None for anything that is no signal from 1 to 31.
pub fn number(text: &str) -> Option<u32> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().filter(|number| (1..=31).contains(number));
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    match name {
        "PWR" => Some(30),
        "POLL" => Some(29),
        _ => NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number),
    }
}

/// `SIGHUP` for 1; a number without a name stays a number.
pub fn name(number: u32) -> String {
    match NAMES.iter().find(|(_, known)| *known == number) {
        Some((name, _)) => format!("SIG{name}"),
        None if number == 30 => "SIGPWR".into(),
        None => format!("{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_numbers() {
        for (text, expected) in
            [("SIGHUP", 1), ("HUP", 1), ("usr2", 12), ("SigTerm", 15), ("1", 1), ("31", 31), ("PWR", 30)]
        {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        for bad in ["", "HUPP", "SIG", "0", "32", "64", "-1", "+1", "SIGSIGHUP", "999999999999999999999"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_number_has_a_name_that_reads_back() {
        for signal in 1..=31 {
            assert_eq!(number(&name(signal)), Some(signal));
        }
    }
}
