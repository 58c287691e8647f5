//! The part of JSON that the agent needs: it writes objects field by field, and parses lists of strings (argv in a flag).

use alloc::{string::String, vec::Vec};
use core::fmt::Write;

/// An object that is being written.
pub struct Object(String);

impl Default for Object {
    fn default() -> Self {
        Self::new()
    }
}

impl Object {
    /// An empty object.
    pub fn new() -> Object {
        Object(String::from("{"))
    }

    fn key(mut self, key: &str) -> Object {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        quote(&mut self.0, key);
        self.0.push(':');
        self
    }

    /// A string field.
    pub fn string(self, key: &str, value: &str) -> Object {
        let mut object = self.key(key);
        quote(&mut object.0, value);
        object
    }

    /// A string field; null for None.
    pub fn optional(self, key: &str, value: Option<&str>) -> Object {
        match value {
            Some(value) => self.string(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// A number field.
    pub fn number(self, key: &str, value: u64) -> Object {
        let mut object = self.key(key);
        let _ = write!(object.0, "{value}");
        object
    }

    /// A boolean field.
    pub fn boolean(self, key: &str, value: bool) -> Object {
        self.raw(key, if value { "true" } else { "false" })
    }

    /// A field whose value is already JSON.
    pub fn raw(self, key: &str, value: &str) -> Object {
        let mut object = self.key(key);
        object.0.push_str(value);
        object
    }

    /// The text.
    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A JSON list of values that are already JSON.
pub fn list<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    let mut text = String::from("[");
    for value in values {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(value.as_ref());
    }
    text.push(']');
    text
}

/// `value` as a JSON string.
pub fn quoted(value: &str) -> String {
    let mut text = String::new();
    quote(&mut text, value);
    text
}

fn quote(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\u{0}'..='\u{1f}' | '\u{7f}' => {
                let _ = write!(text, "\\u{:04x}", character as u32);
            }
            _ => text.push(character),
        }
    }
    text.push('"');
}

/// Parses `["a","b"]`. None for any other text, also for an empty list: an argv needs a program.
pub fn strings(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim().strip_prefix('[')?.trim_start();
    let mut found = Vec::new();
    loop {
        let (value, after) = string(rest)?;
        found.push(value);
        rest = after.trim_start();
        if let Some(end) = rest.strip_prefix(']') {
            return end.trim().is_empty().then_some(found);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

fn string(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut value = String::new();
    loop {
        let character = rest.chars().next()?;
        rest = &rest[character.len_utf8()..];
        match character {
            '"' => return Some((value, rest)),
            '\\' => {
                let escape = rest.chars().next()?;
                rest = &rest[escape.len_utf8()..];
                match escape {
                    'u' => {
                        let (decoded, after) = unicode(rest)?;
                        value.push(decoded);
                        rest = after;
                    }
                    _ => value.push(simple_escape(escape)?),
                }
            }
            '\u{0}'..='\u{1f}' => return None,
            _ => value.push(character),
        }
    }
}

fn simple_escape(escape: char) -> Option<char> {
    Some(match escape {
        '"' | '\\' | '/' => escape,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        _ => return None,
    })
}

/// Four hex digits, or two of them as a surrogate pair (RFC 8259, section 7).
fn unicode(text: &str) -> Option<(char, &str)> {
    let (high, rest) = hex4(text)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, rest));
    }
    let (low, rest) = hex4(rest.strip_prefix("\\u")?)?;
    let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)?, rest))
}

fn hex4(text: &str) -> Option<(u32, &str)> {
    let digits = text.get(..4)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    Some((u32::from_str_radix(digits, 16).ok()?, &text[4..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn objects_are_written() {
        let text =
            Object::new().string("a", "x\"\\\n\u{1}").number("n", 7).optional("o", None).boolean("b", true).finish();
        assert_eq!(text, r#"{"a":"x\"\\\n\u0001","n":7,"o":null,"b":true}"#);
        assert_eq!(Object::new().finish(), "{}");
        assert_eq!(list(["1", "2"]), "[1,2]");
    }

    #[test]
    fn lists_of_strings_are_parsed() {
        assert_eq!(strings(r#"["nginx","-t"]"#).unwrap(), ["nginx", "-t"]);
        assert_eq!(strings(r#" [ "a b" , "\u00e9\ud83d\ude00\n\/" ] "#).unwrap(), ["a b", "é😀\n/"]);
        for bad in [
            "",
            "[]",
            "[1]",
            r#"["a",]"#,
            r#"["a" "b"]"#,
            r#"["a"]x"#,
            r#"["\x"]"#,
            r#"["\ud800"]"#,
            "[\"a\nb\"]",
            "\"a\"",
        ] {
            assert_eq!(strings(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn written_lists_are_parsed_back(values in proptest::collection::vec(any::<String>(), 1..5)) {
            let text = list(values.iter().map(|value| quoted(value)));
            prop_assert_eq!(strings(&text), Some(values));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in any::<String>()) {
            let _ = strings(&text);
        }
    }
}
