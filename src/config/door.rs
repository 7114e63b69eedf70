//! `[door]`: how much of the door anybody may take. A key that is not there has the default.

use std::time::Duration;

use serde::Deserialize;

use crate::places::Limits;

/// The section `[door]` of `config.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DoorFile {
    /// How many connections there may be at once.
    pub connections: usize,
    /// Connections at once of one provider.
    pub provider_connections: usize,
    /// Calls of one provider in flight.
    pub provider_calls: usize,
    /// Replies of one provider that are made and not taken, in MiB.
    pub provider_replies_mib: usize,
    /// How many handshakes there may be at once.
    pub handshakes: usize,
    /// Handshakes at once from one address.
    pub address_handshakes: usize,
    /// After how long without a call a connection is closed, in seconds.
    pub idle_seconds: u64,
    /// After how long a connection takes no further call, in seconds.
    pub age_seconds: u64,
}

impl Default for DoorFile {
    fn default() -> DoorFile {
        let Limits {
            connections,
            provider_connections,
            provider_calls,
            provider_replies_mib,
            handshakes,
            address_handshakes,
            idle,
            age,
        } = Limits::default();
        DoorFile {
            connections,
            provider_connections,
            provider_calls,
            provider_replies_mib,
            handshakes,
            address_handshakes,
            idle_seconds: idle.as_secs(),
            age_seconds: age.as_secs(),
        }
    }
}

impl DoorFile {
    /// The same limits, as the door has them.
    pub fn limits(&self) -> Limits {
        Limits {
            connections: self.connections,
            provider_connections: self.provider_connections,
            provider_calls: self.provider_calls,
            provider_replies_mib: self.provider_replies_mib,
            handshakes: self.handshakes,
            address_handshakes: self.address_handshakes,
            idle: Duration::from_secs(self.idle_seconds),
            age: Duration::from_secs(self.age_seconds),
        }
    }

    pub(super) fn check(&self, check: &mut impl FnMut(bool, &str)) {
        let DoorFile { connections, handshakes, idle_seconds, age_seconds, .. } = *self;
        check((16..=65_536).contains(&connections), "door.connections: write 16 to 65536");
        check(
            (1..=connections).contains(&self.provider_connections),
            "door.provider_connections: write 1 to door.connections",
        );
        check((1..=65_536).contains(&self.provider_calls), "door.provider_calls: write 1 to 65536");
        check(
            // The largest reply, at least.
            (4..=65_536).contains(&self.provider_replies_mib),
            "door.provider_replies_mib: write 4 to 65536",
        );
        check((1..=65_536).contains(&handshakes), "door.handshakes: write 1 to 65536");
        check(
            (1..=handshakes).contains(&self.address_handshakes),
            "door.address_handshakes: write 1 to door.handshakes",
        );
        check((1..=86_400).contains(&idle_seconds), "door.idle_seconds: write 1 to 86400");
        check((1..=604_800).contains(&age_seconds), "door.age_seconds: write 1 to 604800");
    }
}
