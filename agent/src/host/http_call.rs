//! An HTTP request in flight: it connects, sends, reads the status line and ignores the rest, and never blocks.

use super::files;
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use agent::http::{Host, ReloadRequest, status_code};
use agent::proof::MetricScan;
use alloc::{format, string::String, vec::Vec};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::io::{self, Errno};
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};

/// A program that loads large rule files before it answers needs seconds.
const CALL_MAX_MS: u64 = 30_000;
/// The agent reads a response this far, and ignores its body.
const RESPONSE_MAX_BYTES: usize = 64 << 10;

/// The same for a page of metrics, of which only one line is kept.
const PAGE_MAX_BYTES: usize = 4 << 20;
const PAGE_MAX_MS: u64 = 5_000;

/// A request in flight.
pub struct HttpCall {
    socket: OwnedFd,
    text: String,
    sent: usize,
    head: Vec<u8>,
    received: usize,
    /// The request, for messages.
    pub described: String,
    expected: Option<u16>,
    scan: Option<MetricScan>,
    /// When the request times out, milliseconds since boot.
    pub deadline: u64,
}

impl HttpCall {
    /// Begins a request. `attempt` makes `localhost` alternate between its two addresses.
    pub fn start(request: &ReloadRequest, attempt: u64, now: u64) -> Result<HttpCall, Outcome> {
        let ip = match request.host {
            Host::Ip(ip) => ip,
            Host::Localhost if attempt.is_multiple_of(2) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Host::Localhost => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        let address = SocketAddr::new(ip, request.port);
        let described = request.describe();
        let socket = connect(address).map_err(|error| unreachable(&described, error))?;
        let text = request.text();
        Ok(HttpCall {
            socket,
            text,
            sent: 0,
            head: Vec::new(),
            received: 0,
            described,
            expected: request.expected,
            scan: None,
            deadline: now + CALL_MAX_MS,
        })
    }

    /// Begins a request for a page with a metric.
    pub fn scan(request: &ReloadRequest, scan: MetricScan, now: u64) -> Result<HttpCall, Outcome> {
        let call = HttpCall::start(request, 0, now)?;
        Ok(HttpCall { text: request.text_without_chunks(), scan: Some(scan), deadline: now + PAGE_MAX_MS, ..call })
    }

    /// The metric, if the page has it.
    pub fn scanned(&self) -> Option<u64> {
        self.scan.as_ref()?.value.filter(|_| self.code() == Some(200))
    }

    /// The descriptor to poll.
    pub fn descriptor(&self) -> PollFd<'_> {
        let interest = if self.sent < self.text.len() { PollFlags::OUT } else { PollFlags::IN };
        PollFd::new(&self.socket, interest)
    }

    /// The connection.
    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Whether the connection is established. It leaves the socket's error, the reason why not, to `advance`.
    pub fn is_connected(&self) -> bool {
        net::getpeername(&self.socket).is_ok_and(|peer| peer.is_some())
    }

    /// The status code of the response.
    pub fn code(&self) -> Option<u16> {
        status_code(&self.head)?.ok()
    }

    /// Whether the response is a redirect, which a probe accepts.
    pub fn is_redirected(&self) -> bool {
        matches!(status_code(&self.head), Some(Ok(300..=399)))
    }

    /// Continues; the outcome at the end.
    pub fn advance(&mut self, now: u64) -> Option<Outcome> {
        match self.exchange() {
            Err(Errno::AGAIN) if now < self.deadline => None,
            Err(Errno::AGAIN) if self.head.len() < 12 => Some(unreachable(&self.described, Errno::TIMEDOUT)),
            Err(error) if self.head.is_empty() && error != Errno::AGAIN => Some(unreachable(&self.described, error)),
            _ => Some(self.outcome()),
        }
    }

    /// Ok at the end of the response.
    fn exchange(&mut self) -> io::Result<()> {
        sockopt::socket_error(&self.socket)??;
        while self.sent < self.text.len() {
            self.sent += io::write(&self.socket, &self.text.as_bytes()[self.sent..]).map_err(|error| match error {
                Errno::NOTCONN => Errno::AGAIN,
                other => other,
            })?;
        }
        let mut buffer = [0; 1024];
        let most = if self.scan.is_some() { PAGE_MAX_BYTES } else { RESPONSE_MAX_BYTES };
        while self.received < most && self.scan.as_ref().is_none_or(|scan| scan.value.is_none()) {
            match files::read_some(&self.socket, &mut buffer)? {
                0 => break,
                count => {
                    let missing = 12usize.saturating_sub(self.head.len());
                    self.head.extend_from_slice(&buffer[..count.min(missing)]);
                    self.received += count;
                    self.scan.iter_mut().for_each(|scan| scan.feed(&buffer[..count]));
                }
            }
        }
        Ok(())
    }

    fn outcome(&self) -> Outcome {
        match status_code(&self.head) {
            Some(Ok(code)) if self.expected == Some(code) => Outcome::Done,
            Some(Ok(200..=299)) if self.expected.is_none() => Outcome::Done,
            Some(Ok(code @ 300..=499)) => {
                let message = format!(
                    "{}: answered {code}; check the URL and that the program allows reloads there",
                    self.described
                );
                Outcome::Final(Problem::new(Code::HttpRefused, message))
            }
            Some(Ok(code)) => self.failed(&format!("answered {code}")),
            Some(Err(())) => self.failed("did not answer with HTTP"),
            None => self.failed("closed the connection without an answer"),
        }
    }

    fn failed(&self, how: &str) -> Outcome {
        Outcome::Failed(Problem::new(Code::HttpFailed, format!("{}: {how}; trying again", self.described)))
    }
}

fn connect(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    match net::connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}

/// If nothing listens, the program is starting or gone. Any other error is a failure.
fn unreachable(described: &str, error: Errno) -> Outcome {
    let problem = Problem::new(Code::HttpFailed, format!("{described}: {}; trying again", files::describe(error)));
    if error == Errno::CONNREFUSED { Outcome::NoTarget(problem) } else { Outcome::Failed(problem) }
}
