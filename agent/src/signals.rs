//! Signal names and numbers, as signal(7) has them on x86 and ARM.

use alloc::{format, string::String};

/// Without `SIG`, from number 1 on.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];

/// The number of `SIGHUP`, `HUP`, `hup` or `1`. None for anything else.
pub fn number(text: &str) -> Option<u32> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().filter(|number| (1..=31).contains(number));
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    match name {
        "POLL" => Some(29),
        _ => NAMES.iter().zip(1..).find(|(known, _)| **known == name).map(|(_, number)| number),
    }
}

/// `SIGHUP` for 1; a number without a name stays a number.
pub fn name(number: u32) -> String {
    match NAMES.get((number as usize).wrapping_sub(1)) {
        Some(name) => format!("SIG{name}"),
        None => format!("{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_numbers_are_parsed() {
        for (text, expected) in [
            ("SIGHUP", 1),
            ("HUP", 1),
            ("usr2", 12),
            ("SigTerm", 15),
            ("1", 1),
            ("31", 31),
            ("PWR", 30),
            ("SIGIO", 29),
            ("POLL", 29),
        ] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        for bad in ["", "HUPP", "SIG", "0", "32", "64", "-1", "+1", "SIGSIGHUP", "999999999999999999999"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_number_has_a_name_that_is_parsed_back() {
        for signal in 1..=31 {
            assert_eq!(number(&name(signal)), Some(signal));
        }
    }
    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(SIG|sig)?[A-Z0-9é]{0,8}") {
            prop_assert!(number(&text).is_none_or(|number| (1..=31).contains(&number)));
        }
    }
}
