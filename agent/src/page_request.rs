//! The part of HTTP that the agent needs to answer at its own port.

use crate::http::without_query;
use alloc::{format, string::String};
use core::str::from_utf8;

/// A request to the agent's own port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageRequest<'a> {
    /// The request is not complete yet.
    Incomplete,
    /// GET or HEAD of a path.
    Page {
        /// The path without its query.
        path: &'a str,
        /// HEAD: the response has no body.
        head: bool,
    },
    /// Another method.
    OtherMethod,
    /// Not HTTP.
    Malformed,
}

/// Parses a request's first line. It waits for the end of the headers, but ignores them.
pub fn parse_page_request(text: &[u8]) -> PageRequest<'_> {
    let ended = text.windows(4).any(|end| end == b"\r\n\r\n");
    let Some(end) = text.iter().position(|byte| *byte == b'\n') else { return PageRequest::Incomplete };
    let Ok(line) = from_utf8(&text[..end]) else { return PageRequest::Malformed };
    let mut words = line.trim_end_matches('\r').split(' ');
    let (Some(method), Some(path), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return PageRequest::Malformed;
    };
    if !version.starts_with("HTTP/1.") || !path.starts_with('/') {
        return PageRequest::Malformed;
    }
    match method {
        _ if !ended => PageRequest::Incomplete,
        "GET" | "HEAD" => PageRequest::Page { path: without_query(path), head: method == "HEAD" },
        _ => PageRequest::OtherMethod,
    }
}

/// A whole response.
pub fn response(status: &str, kind: &str, body: &str, head: bool) -> String {
    let length = body.len();
    let body = if head { "" } else { body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_response_ends_its_headers_and_names_the_length_of_its_body() {
        let get = response("200 OK", "text/plain", "up\n", false);
        assert!(get.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"), "{get}");
        assert!(get.ends_with("\r\n\r\nup\n"), "{get}");
        assert_eq!(response("200 OK", "text/plain", "up\n", true), get.trim_end_matches("up\n"));
    }

    #[test]
    fn page_requests_are_parsed() {
        assert_eq!(
            parse_page_request(b"GET /status?x HTTP/1.1\r\nHost: a\r\n\r\n"),
            PageRequest::Page { path: "/status", head: false }
        );
        assert_eq!(parse_page_request(b"HEAD / HTTP/1.0\r\n\r\n"), PageRequest::Page { path: "/", head: true });
        assert_eq!(parse_page_request(b"GET /status HTTP/1.1\r\nHost:"), PageRequest::Incomplete);
        assert_eq!(parse_page_request(b"GET /sta"), PageRequest::Incomplete);
        assert_eq!(parse_page_request(b"POST / HTTP/1.1\r\n\r\n"), PageRequest::OtherMethod);
        for bad in [
            &b"\x16\x03\x01\n"[..],
            b"GET\r\n\r\n",
            b"GET http://x/ HTTP/1.1\r\n\r\n",
            b"GET / HTTP/2\r\n\r\n",
            b"\r\n",
        ] {
            assert_eq!(parse_page_request(bad), PageRequest::Malformed);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse_page_request(&bytes);
        }
    }
}
