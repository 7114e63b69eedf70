//! How much there is of the door, and how much of that anybody may take.

use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use super::handshakes::Room;

/// What the door holds at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many connections there may be whose handshake is done.
    pub connections: usize,
    /// How many of them one provider may have.
    pub provider_connections: usize,
    /// Calls of one provider that are in flight, over however many connections: until their reply
    /// is taken.
    pub provider_calls: usize,
    /// How much memory the replies of one provider may take until they are taken, in MiB.
    pub provider_replies_mib: usize,
    /// How many handshakes may be open at once.
    pub handshakes: usize,
    /// How many of them may come from one address: a /32, or a /64 of IPv6.
    pub address_handshakes: usize,
    /// A connection without a call is closed after this.
    pub idle: Duration,
    /// A connection takes no further call after this: its client shakes hands again, and shows its
    /// certificate.
    pub age: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 4_096,
            provider_connections: 256,
            provider_calls: 512,
            provider_replies_mib: 64,
            handshakes: 1_024,
            address_handshakes: 128,
            idle: Duration::from_secs(300),
            age: Duration::from_secs(3_600),
        }
    }
}

/// Connections that only staff may take: security gets in while providers flood.
const STAFF_RESERVE: usize = 256;
/// Handshakes for those alone from whose network somebody known has come within the hour.
const FAMILIAR_RESERVE: usize = 256;
/// Connections of one member of staff.
pub(super) const STAFF_CONNECTIONS: usize = 64;
/// Calls in flight of one member of staff, tails apart.
pub(super) const STAFF_CALLS: usize = 128;
/// Replies of one member of staff that are made and not taken, in MiB.
pub(super) const STAFF_REPLIES: usize = 32;
/// Of the calls in flight that a provider may have, the part that calls without a good token may
/// have, where its agents have tokens.
const TOKENLESS: usize = 8;
/// Connections of certificates that the policy does not know or that it revoked, all together: they
/// are told so.
pub(super) const NOBODY: usize = 64;
/// File descriptors for everything else: files, the records, standard streams.
const OTHER_FILES: usize = 256;

impl Limits {
    /// The same, or what so many file descriptors allow: each connection and each handshake has
    /// one.
    pub(crate) fn within(mut self, descriptors: usize) -> Limits {
        let most = descriptors.saturating_sub(OTHER_FILES).max(descriptors / 2).max(2);
        if self.connections + self.handshakes > most {
            self.handshakes = self.handshakes.min(most / 4).max(1);
            self.connections = self.connections.min(most - self.handshakes);
            self.address_handshakes = self.address_handshakes.min(self.handshakes / 4).max(1);
            self.provider_connections = self.provider_connections.min(self.connections / 4).max(1);
        }
        self
    }

    /// A reserve that leaves providers most of the room.
    pub(super) fn reserve(&self) -> usize {
        STAFF_RESERVE.min(self.connections / 4)
    }

    /// Calls of one provider in flight that come without a good token, where its agents have
    /// tokens.
    pub(super) fn tokenless(&self) -> usize {
        (self.provider_calls / TOKENLESS).max(1)
    }

    pub(super) fn room(&self) -> Room {
        Room {
            places: self.handshakes,
            of_network: self.address_handshakes,
            reserved: FAMILIAR_RESERVE.min(self.handshakes / 4),
        }
    }
}

/// How many files the process may have open, if the system says so. The soft limit, which a process
/// can raise only by a call that this program does not make.
pub(crate) fn descriptors() -> Option<usize> {
    getrlimit(Resource::Nofile).current.and_then(|files| files.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_never_exceed_what_the_files_allow() {
        let whole = Limits::default();
        let enough = whole.connections + whole.handshakes + OTHER_FILES;
        assert_eq!(whole.clone().within(enough), whole);
        for files in [1, 2, 3, 10, 256, 511, 512, 1_024, enough - 1] {
            let fits = whole.clone().within(files);
            assert!(fits.connections + fits.handshakes <= files.max(2), "{files}: {fits:?}");
            assert!(fits.connections >= 1 && fits.handshakes >= 1, "{files}: {fits:?}");
            assert!(fits.reserve() < fits.connections, "{files}: {fits:?}");
            assert!(fits.provider_connections <= fits.connections, "{files}: {fits:?}");
        }
        let usual = whole.within(1_024);
        assert_eq!((usual.connections, usual.provider_connections), (576, 144));
    }

    #[test]
    fn the_limit_of_files_is_the_soft_one() {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
        let soft = soft.split_ascii_whitespace().next().unwrap();
        assert_eq!(descriptors(), soft.parse().ok());
    }
}
