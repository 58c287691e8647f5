//! The agent's port: /status, /metrics, /healthz. It is bounded: a few connections, a small request and a few seconds for
//! each. It never blocks. A peer that holds connections loses them to others: nobody can keep a controller out.

use super::{clock, files, log};
use agent::errors::Code;
use agent::page_request::{PageRequest, parse_page_request, response};
use alloc::{format, string::String, vec::Vec};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::io::{self, Errno};
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};

/// Enough for a controller, two Prometheus servers and a person with curl.
const CONNECTIONS_MAX: usize = 8;
/// Connections that the kernel keeps until the agent accepts them. With fewer, those that a peer opens without pause
/// would delay the others' by a second or more (TCP repeats a lost SYN).
const BACKLOG: i32 = 64;
/// Enough for a GET with headers, also those that a service mesh adds.
const REQUEST_MAX_BYTES: usize = 4096;
/// From the first byte of a request to the last byte of the response.
const CONNECTION_MAX_MS: u64 = 5_000;
/// Wait after a connection that could not be accepted (files or memory are short, and poll reports it again at once), and
/// while the port is taken.
const PAUSE_MS: u64 = 1_000;

struct Connection {
    socket: OwnedFd,
    peer: Option<IpAddr>,
    inbox: Vec<u8>,
    outbox: Option<(Vec<u8>, usize)>,
    deadline: u64,
}

/// The listener and its connections.
pub struct Server {
    port: u16,
    /// None while the port is taken.
    listener: Option<OwnedFd>,
    /// No connection is accepted until then, milliseconds since boot.
    paused_until: Option<u64>,
    connections: Vec<Connection>,
}

/// Renders a page: its content type and body; None for an unknown path.
pub type Page<'a> = &'a dyn Fn(&str) -> Option<(&'static str, String)>;

impl Server {
    /// Listens on every address of the Pod. While the port is taken, the agent works without pages.
    pub fn listen(port: u16) -> Server {
        let mut server = Server { port, listener: None, paused_until: None, connections: Vec::new() };
        if let Err(error) = server.open(clock::now()) {
            let message = format!("port {port}: no /status and /metrics: {}; trying again", files::describe(error));
            log::error("not listening").string("code", Code::ListenFailed.text()).string("error", &message).write();
        }
        server
    }

    fn open(&mut self, now: u64) -> io::Result<()> {
        self.paused_until = Some(now + PAUSE_MS);
        let any6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, self.port));
        let any4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.port));
        let listener = match bind(any6, AddressFamily::INET6) {
            // The node has no IPv6.
            Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) => bind(any4, AddressFamily::INET),
            found => found,
        };
        self.listener = Some(listener?);
        self.paused_until = None;
        Ok(())
    }

    fn accepting(&self) -> Option<&OwnedFd> {
        self.listener.as_ref().filter(|_| self.paused_until.is_none())
    }

    /// The descriptors to poll.
    pub fn descriptors<'a>(&'a self, polled: &mut Vec<PollFd<'a>>) {
        polled.extend(self.accepting().map(|listener| PollFd::new(listener, PollFlags::IN)));
        polled.extend(self.connections.iter().map(|connection| {
            let interest = if connection.outbox.is_some() { PollFlags::OUT } else { PollFlags::IN };
            PollFd::new(&connection.socket, interest)
        }));
    }

    /// When the time of the oldest connection ends, or a pause.
    pub fn deadline(&self) -> Option<u64> {
        self.connections.iter().map(|connection| connection.deadline).chain(self.paused_until).min()
    }

    /// Accepts, reads and answers every connection that is ready.
    pub fn serve(&mut self, page: Page<'_>) {
        let now = clock::now();
        self.paused_until.take_if(|until| now >= *until);
        if self.listener.is_none() && self.paused_until.is_none() {
            let _ = self.open(now);
        }
        // A peer that connects without pause must not stop the loop.
        for _ in 0..CONNECTIONS_MAX {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let Some(listener) = self.accepting() else { break };
            let (socket, peer) = match net::acceptfrom_with(listener, flags) {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.paused_until = (error != Errno::AGAIN).then_some(now + PAUSE_MS);
                    break;
                }
            };
            if self.connections.len() == CONNECTIONS_MAX {
                self.connections.remove(self.least_needed());
            }
            self.connections.push(Connection {
                socket,
                peer: peer.and_then(|peer| SocketAddr::try_from(peer).ok()).map(|peer| peer.ip()),
                inbox: Vec::new(),
                outbox: None,
                deadline: now + CONNECTION_MAX_MS,
            });
        }
        self.connections.retain_mut(|connection| now < connection.deadline && connection.advance(page));
    }

    /// The oldest connection of the peer that has the most.
    fn least_needed(&self) -> usize {
        let held = |peer| self.connections.iter().filter(|connection| connection.peer == peer).count();
        (0..self.connections.len()).rev().max_by_key(|index| held(self.connections[*index].peer)).unwrap_or(0)
    }
}

fn bind(address: SocketAddr, family: AddressFamily) -> io::Result<OwnedFd> {
    let socket = net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if family == AddressFamily::INET6 {
        sockopt::set_ipv6_v6only(&socket, false)?;
    }
    net::bind(&socket, &address)?;
    net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

impl Connection {
    /// Continues; whether the connection stays open.
    fn advance(&mut self, page: Page<'_>) -> bool {
        if self.outbox.is_none() && !self.read(page) {
            return false;
        }
        let Some((bytes, sent)) = &mut self.outbox else { return true };
        while *sent < bytes.len() {
            match io::write(&self.socket, &bytes[*sent..]) {
                Ok(count) => *sent += count,
                Err(Errno::AGAIN) => return true,
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
        let _ = net::shutdown(&self.socket, net::Shutdown::Write);
        false
    }

    fn read(&mut self, page: Page<'_>) -> bool {
        let mut buffer = [0; 512];
        while self.outbox.is_none() {
            match files::read_some(&self.socket, &mut buffer) {
                Ok(0) => return false,
                Ok(count) => self.inbox.extend_from_slice(&buffer[..count]),
                Err(Errno::AGAIN) => return true,
                Err(_) => return false,
            }
            let plain = "text/plain; charset=utf-8";
            let text = match parse_page_request(&self.inbox) {
                PageRequest::Incomplete if self.inbox.len() > REQUEST_MAX_BYTES => {
                    response("431 Request Header Fields Too Large", plain, "", false)
                }
                PageRequest::Incomplete => continue,
                PageRequest::Malformed => response("400 Bad Request", plain, "", false),
                PageRequest::OtherMethod => response("405 Method Not Allowed", plain, "", false),
                PageRequest::Page { path, head } => match page(path) {
                    Some((kind, body)) => response("200 OK", kind, &body, head),
                    None => response("404 Not Found", plain, "use /status, /metrics or /healthz\n", head),
                },
            };
            self.outbox = Some((text.into_bytes(), 0));
        }
        true
    }
}
