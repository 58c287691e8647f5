//! The part of HTTP that the agent needs to call a program: a reload request on the Pod's loopback, a question whether it
//! is healthy, and the status code of the response.

use alloc::{format, string::String, vec::Vec};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::from_utf8;

/// The host of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host {
    /// An address.
    Ip(IpAddr),
    /// `localhost`: 127.0.0.1 and `[::1]` in turn.
    Localhost,
}

/// A request to the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReloadRequest {
    /// The method, POST by default.
    pub method: String,
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// Host and port as the user wrote them, for the Host header.
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// Headers, `Name: value`.
    pub headers: Vec<String>,
    /// The only status code that counts as success; None: 200 to 299.
    pub expected: Option<u16>,
}

/// What shows whether the program is healthy, as a probe of the kubelet asks it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealthCheck {
    /// The request of an httpGet; of a tcpSocket, only its address counts.
    pub request: ReloadRequest,
    /// A tcpSocket: an accepted connection is enough.
    pub connect_only: bool,
}

/// Parses `[METHOD ]http://127.0.0.1:PORT/PATH`. None for any other text, and for a URL that leaves the Pod.
pub fn parse_reload_request(text: &str) -> Option<ReloadRequest> {
    let (method, url) = text.split_once(' ').unwrap_or(("POST", text));
    let request = request(method, url.strip_prefix("http://")?)?;
    let is_local = match request.host {
        Host::Localhost => true,
        Host::Ip(ip) => ip.is_loopback(),
    };
    is_local.then_some(request)
}

/// Parses `[METHOD ]http://HOST:PORT/PATH` or `tcp://HOST:PORT`. An IPv6 address needs no brackets.
pub fn parse_health_check(text: &str) -> Option<HealthCheck> {
    let (method, url) = text.split_once(' ').unwrap_or(("GET", text));
    let (rest, connect_only) = match url.strip_prefix("tcp://") {
        Some(rest) => (rest, true),
        None => (url.strip_prefix("http://")?, false),
    };
    Some(HealthCheck { request: request(method, rest)?, connect_only })
}

fn request(method: &str, rest: &str) -> Option<ReloadRequest> {
    let is_method = !method.is_empty() && method.len() <= 16 && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let printable = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, digits)) if !digits.ends_with(']') => (name, port(digits)?),
        _ => (authority, 80),
    };
    let in_brackets = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host = match in_brackets {
        None if name == "localhost" => Host::Localhost,
        None if !name.contains(':') => Host::Ip(IpAddr::V4(v4(name)?)),
        None => Host::Ip(IpAddr::V6(v6(name)?)),
        Some(name) => Host::Ip(IpAddr::V6(v6(name)?)),
    };
    let is_bare = in_brackets.is_none() && name.contains(':');
    let path = if path.starts_with('/') { path.into() } else { format!("/{path}") };
    (is_method && printable).then(|| ReloadRequest {
        method: method.into(),
        host,
        port,
        authority: if is_bare { format!("[{name}]:{port}") } else { authority.into() },
        path,
        headers: Vec::new(),
        expected: None,
    })
}

/// Parsed by hand here, as below: those of the standard library take four times the code.
fn v4(text: &str) -> Option<Ipv4Addr> {
    let mut parts = text.split('.');
    let mut address = [0; 4];
    for byte in &mut address {
        let part = parts.next()?;
        let plain = part.bytes().all(|digit| digit.is_ascii_digit()) && (part.len() == 1 || !part.starts_with('0'));
        *byte = part.parse().ok().filter(|_| plain)?;
    }
    parts.next().is_none().then_some(address.into())
}

fn v6(text: &str) -> Option<Ipv6Addr> {
    let gap = text.as_bytes().windows(2).position(|two| two == b"::");
    let (first, last) = gap.map_or((text, ""), |at| (&text[..at], &text[at + 2..]));
    let ((mut groups, before), (end, after)) = (v6_groups(first)?, v6_groups(last)?);
    groups[8 - after..].copy_from_slice(&end[..after]);
    (if gap.is_some() { before + after < 8 } else { before == 8 }).then(|| groups.into())
}

/// Groups of hexadecimal digits, and how many there are.
fn v6_groups(text: &str) -> Option<([u16; 8], usize)> {
    let (mut groups, mut count) = ([0; 8], 0);
    for part in text.split(':').filter(|_| !text.is_empty()) {
        let plain = part.len() <= 4 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
        *groups.get_mut(count)? = u16::from_str_radix(part, 16).ok().filter(|_| plain)?;
        count += 1;
    }
    Some((groups, count))
}

fn port(digits: &str) -> Option<u16> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port > 0)
}

/// Whether a text is a header, `Name: value`, and nothing more.
pub fn is_header(text: &str) -> bool {
    let is_printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    is_printable
        && text
            .split_once(':')
            .is_some_and(|(name, rest)| !name.is_empty() && !name.contains(' ') && rest.starts_with(' '))
}

impl ReloadRequest {
    /// The bytes to send.
    pub fn text(&self) -> String {
        self.text_in("1.1")
    }

    /// The same in HTTP/1.0, whose responses have no chunks.
    pub fn text_without_chunks(&self) -> String {
        self.text_in("1.0")
    }

    fn text_in(&self, version: &str) -> String {
        let ReloadRequest { method, path, authority, headers, .. } = self;
        let mut text = format!("{method} {path} HTTP/{version}\r\n");
        let host = format!("Host: {authority}");
        let own = [host.as_str(), "User-Agent: hotreload-agent", "Content-Length: 0", "Connection: close"];
        let is_ours = |line: &&&str| !headers.iter().any(|header| is_alike(header, line));
        for line in own.iter().filter(is_ours).copied().chain(headers.iter().map(String::as_str)) {
            text.push_str(line);
            text.push_str("\r\n");
        }
        text + "\r\n"
    }

    /// `http://127.0.0.1:9090/-/reload`, for logs and pages. A query may hold a token, so it is left out.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.authority, without_query(&self.path))
    }

    /// `POST http://127.0.0.1:9090/-/reload`.
    pub fn describe(&self) -> String {
        format!("{} {}", self.method, self.url())
    }
}

/// A URL without its query.
pub fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

/// Whether two headers have one name.
fn is_alike(one: &str, other: &str) -> bool {
    let names = one.split_once(':').zip(other.split_once(':'));
    names.is_some_and(|((one, _), (other, _))| one.eq_ignore_ascii_case(other))
}

/// The status code of a response. None while its first line is incomplete; Some(Err) where it is not HTTP.
pub fn status_code(response: &[u8]) -> Option<Result<u16, ()>> {
    let head = response.get(..12)?;
    let valid = head.starts_with(b"HTTP/1.") && head[8] == b' ' && head[9..].iter().all(u8::is_ascii_digit);
    let code = || from_utf8(&head[9..]).ok()?.parse().ok();
    Some(if valid { code().ok_or(()) } else { Err(()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> Host {
        Host::Ip(text.parse().unwrap())
    }

    #[test]
    fn health_checks_are_parsed() {
        for (text, method, host, port, path, connect_only, authority) in [
            ("http://10.0.0.7:80/live?a", "GET", ip("10.0.0.7"), 80, "/live?a", false, "10.0.0.7:80"),
            ("HEAD http://fd00::7:8080/", "HEAD", ip("fd00::7"), 8080, "/", false, "[fd00::7]:8080"),
            ("http://[::1]:8080/", "GET", ip("::1"), 8080, "/", false, "[::1]:8080"),
            ("http://localhost:1", "GET", Host::Localhost, 1, "/", false, "localhost:1"),
            ("http://1:2:3:4:5:6:7:8:9", "GET", ip("1:2:3:4:5:6:7:8"), 9, "/", false, "[1:2:3:4:5:6:7:8]:9"),
            ("http://:::9", "GET", ip("::"), 9, "/", false, "[::]:9"),
            ("tcp://fd00::7:5432", "GET", ip("fd00::7"), 5432, "/", true, "[fd00::7]:5432"),
        ] {
            let HealthCheck { request: found, connect_only: found_connect_only } = parse_health_check(text).unwrap();
            assert_eq!(
                (found.method.as_str(), found.host, found.port, found.path.as_str(), found_connect_only),
                (method, host, port, path, connect_only)
            );
            assert_eq!(found.authority, authority);
        }
        for bad in [
            "",
            "tcp://",
            "https://10.0.0.7:1/",
            "http://:80/",
            "http://1::2::3:80/",
            "http://1:2:3:80/",
            "http://[1:2:3:4:5:6:7::8]:80/",
            "http://:1:80/",
            "http://web.shop.svc:80/",
            "get http://10.0.0.7:1/",
        ] {
            assert_eq!(parse_health_check(bad), None, "{bad}");
        }
    }

    #[test]
    fn headers_replace_those_of_the_same_name() {
        let mut request = parse_reload_request("GET http://127.0.0.1:80/").unwrap();
        request.headers = ["host: shop".into(), "X-A: b c".into()].into();
        let lines: Vec<String> = request.text().split("\r\n").map(String::from).collect();
        assert!(lines.contains(&"host: shop".into()) && lines.contains(&"X-A: b c".into()), "{lines:?}");
        assert_eq!(lines.iter().filter(|line| line.to_ascii_lowercase().starts_with("host:")).count(), 1);
        for (text, is_good) in
            [("X: y", true), ("X: ", true), ("X", false), (": y", false), ("X: y\r\nZ: a", false), ("X y: z", false)]
        {
            assert_eq!(is_header(text), is_good, "{text}");
        }
    }

    #[test]
    fn loopback_urls_are_parsed() {
        for (text, method, host, port, path) in [
            ("http://127.0.0.1:9090/-/reload", "POST", ip("127.0.0.1"), 9090, "/-/reload"),
            ("GET http://localhost/r?a=b", "GET", Host::Localhost, 80, "/r?a=b"),
            ("PUT http://[::1]:81", "PUT", ip("::1"), 81, "/"),
            ("http://127.1.2.3:1?x", "POST", ip("127.1.2.3"), 1, "/?x"),
            ("http://127.255.255.255/", "POST", ip("127.255.255.255"), 80, "/"),
        ] {
            let found = parse_reload_request(text).unwrap();
            assert_eq!(
                (found.method.as_str(), found.host, found.port, found.path.as_str()),
                (method, host, port, path)
            );
        }
    }

    #[test]
    fn urls_that_leave_the_pod_are_refused() {
        for bad in [
            "",
            "http://",
            "https://127.0.0.1/",
            "http://10.0.0.1/",
            "http://reload.shop.svc/",
            "http://127.0.0.1@evil/",
            "http://127.0.0.1.evil/",
            "http://127.0.0.1:80@evil/",
            "http://localhost.evil/",
            "http://127.0.0.01/",
            "http://127.1/",
            "http://2130706433/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:65536/",
            "http://127.0.0.1:+80/",
            "http://127.0.0.1:/",
            "http://[::1",
            "http://[::2]/",
            "http://127.0.0.1/a b",
            "http://127.0.0.1/\r\nX: y",
            "http://127.0.0.1/#f",
            "post http://127.0.0.1/",
            " http://127.0.0.1/",
            "http://0.0.0.0/",
            "http://256.0.0.1/",
            "http://126.255.255.255/",
            "http://128.0.0.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://192.168.1.1/",
            "http://255.255.255.255/",
            "http://127.0.0.1.1/",
            "http://127.0.0/",
            "http://127.0.0.0x1/",
        ] {
            assert_eq!(parse_reload_request(bad), None, "{bad}");
        }
    }

    #[test]
    fn status_codes_are_parsed() {
        assert_eq!(status_code(b"HTTP/1.1 200 OK\r\n"), Some(Ok(200)));
        assert_eq!(status_code(b"HTTP/1.0 302"), Some(Ok(302)));
        assert_eq!(status_code(b"HTTP/1.1 20"), None);
        for bad in [&b"SSH-2.0-OpenSSH_9"[..], b"HTTP/2.0 200 OK", b"HTTP/1.1 2x0 OK"] {
            assert_eq!(status_code(bad), Some(Err(())));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = status_code(&bytes);
            let _ = from_utf8(&bytes).ok().and_then(parse_reload_request);
        }

        #[test]
        fn no_accepted_url_splits_the_request(text in "(GET )?http://(127.0.0.1|localhost)(:80)?/[ -~\r\n]{0,12}") {
            if let Some(found) = parse_reload_request(&text) {
                prop_assert_eq!(found.text().matches("\r\n").count(), 6);
            }
        }
    }
}
