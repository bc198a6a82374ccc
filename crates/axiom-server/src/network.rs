//! The loopback port: which one, and its sockets. Never another address: who wants Axiom from elsewhere brings a tunnel.
//! The port is kept from start to start, so that a client's address outlives a server; a port that is taken is given up.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;

use thiserror::Error;

use crate::instance::write_renamed;

/// The file in `run/` that keeps the port. The note cannot: it goes with its server.
pub(crate) const PORT_FILE: &str = "port";

/// Free ports tried until one is free on both loopback addresses.
const ATTEMPTS_MAX: usize = 16;

/// `AXIOM_NETWORK_PORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkPort {
    /// The unix socket alone.
    Off,
    /// The port of the last start, else any that is free.
    #[default]
    Free,
    /// This one or none.
    Fixed(u16),
}

impl NetworkPort {
    /// `off`, or a port. Nothing where it is neither.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "off" {
            return Some(Self::Off);
        }
        text.parse().ok().filter(|port| *port != 0).map(Self::Fixed)
    }
}

/// Why there is no loopback port.
#[derive(Debug, Error)]
pub(crate) enum NetworkError {
    /// Asked for by number, and in use.
    #[error(
        "failed to listen on port {port} of 127.0.0.1: {source}; set AXIOM_NETWORK_PORT to another one, or to off"
    )]
    Taken { port: u16, source: io::Error },
    /// No port at all.
    #[error("failed to find a free port on 127.0.0.1: {source}")]
    NoneFree { source: io::Error },
}

/// The sockets of one port: 127.0.0.1, and ::1 where the machine has it.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) port: u16,
    pub(crate) sockets: Vec<TcpListener>,
}

impl Bound {
    /// Where programs find it. By number: `localhost` may be looked up anywhere.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Listens on the port, or on none where it is off.
///
/// # Errors
/// The port is taken, or there is none.
pub(crate) fn bind(port: NetworkPort, run: &Path) -> Result<Option<Bound>, NetworkError> {
    match port {
        NetworkPort::Off => Ok(None),
        NetworkPort::Fixed(port) => match bind_both(port) {
            Ok(bound) => Ok(Some(bound)),
            Err(source) => Err(NetworkError::Taken { port, source }),
        },
        NetworkPort::Free => {
            let path = run.join(PORT_FILE);
            let kept = std::fs::read_to_string(&path).ok();
            let kept: Option<u16> = kept.and_then(|text| text.trim_end().parse().ok());
            if let Some(bound) = kept.and_then(|port| bind_both(port).ok()) {
                return Ok(Some(bound));
            }
            let bound = bind_free()?;
            if let Err(error) = write_renamed(&path, format!("{}\n", bound.port).as_bytes()) {
                tracing::warn!(%error, "the next server may have another port");
            }
            Ok(Some(bound))
        }
    }
}

fn bind_free() -> Result<Bound, NetworkError> {
    let mut refused = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..ATTEMPTS_MAX {
        match bind_both(0) {
            Ok(bound) => return Ok(bound),
            Err(error) => refused = error,
        }
    }
    Err(NetworkError::NoneFree { source: refused })
}

/// Both addresses or none: a stranger behind ::1 of our port would be sent our token by whoever writes `localhost`.
fn bind_both(port: u16) -> io::Result<Bound> {
    let socket = listen(Ipv4Addr::LOCALHOST.into(), port)?;
    let port = socket.local_addr()?.port();
    let mut sockets = vec![socket];
    match listen(Ipv6Addr::LOCALHOST.into(), port) {
        Ok(socket) => sockets.push(socket),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        // A machine without IPv6.
        Err(error) => tracing::debug!(%error, "no ::1"),
    }
    Ok(Bound { port, sockets })
}

fn listen(address: IpAddr, port: u16) -> io::Result<TcpListener> {
    let socket = TcpListener::bind(SocketAddr::new(address, port))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number_or_off() {
        assert_eq!(NetworkPort::parse("off"), Some(NetworkPort::Off));
        assert_eq!(NetworkPort::parse("8080"), Some(NetworkPort::Fixed(8080)));
        for text in ["", "0", "65536", "-1", "on", "127.0.0.1:80"] {
            assert_eq!(NetworkPort::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_port_is_kept_while_it_can_be_had() {
        let run = tempfile::tempdir().unwrap();
        let first = bind(NetworkPort::Free, run.path()).unwrap().unwrap();
        let port = first.port;
        drop(first);
        let second = bind(NetworkPort::Free, run.path()).unwrap().unwrap();
        assert_eq!(second.port, port);
        // Taken: another one, which is kept from then on.
        let third = bind(NetworkPort::Free, run.path()).unwrap().unwrap();
        assert_ne!(third.port, port);
        assert_eq!(third.url(), format!("http://127.0.0.1:{}", third.port));
        let kept = std::fs::read_to_string(run.path().join(PORT_FILE)).unwrap();
        assert_eq!(kept, format!("{}\n", third.port));
    }

    #[test]
    fn a_port_asked_for_by_number_is_that_one_or_none() {
        let run = tempfile::tempdir().unwrap();
        let taken = bind(NetworkPort::Free, run.path()).unwrap().unwrap();
        let refused = bind(NetworkPort::Fixed(taken.port), run.path()).unwrap_err();
        assert!(refused.to_string().contains(&taken.port.to_string()), "{refused}");
        assert!(bind(NetworkPort::Off, run.path()).unwrap().is_none());
    }

    #[test]
    fn nobody_but_this_machine_can_reach_it() {
        let run = tempfile::tempdir().unwrap();
        let bound = bind(NetworkPort::Free, run.path()).unwrap().unwrap();
        for socket in &bound.sockets {
            assert!(socket.local_addr().unwrap().ip().is_loopback());
        }
    }
}
