//! Networks that somebody known came from in the last hour: they find room while strangers crowd
//! the door. What is remembered is bounded for each of those known, so that none of them, however
//! many networks it comes from, has the networks of others forgotten.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::Holder;

/// How long a network is remembered.
pub(super) const REMEMBERED: Duration = Duration::from_secs(3_600);
/// Networks that are remembered of one holder: the newest.
pub(super) const NETWORKS: usize = 64;

/// What is remembered. There are only as many holders as the policy knows.
#[derive(Default)]
pub(super) struct Familiar {
    /// The networks of each holder, with when it last came from there.
    holders: HashMap<Holder, Vec<(IpAddr, Instant)>>,
    /// How many holders have a network, and when the last of them came.
    networks: HashMap<IpAddr, (usize, Instant)>,
}

impl Familiar {
    /// Whether somebody known has come from there of late.
    pub(super) fn knows(&self, network: IpAddr, now: Instant) -> bool {
        self.networks.get(&network).is_some_and(|(_, last)| now < *last + REMEMBERED)
    }

    /// Somebody known has come from there.
    pub(super) fn see(&mut self, holder: &Holder, network: IpAddr, now: Instant) {
        let theirs = self.holders.entry(holder.clone()).or_default();
        match theirs.iter_mut().find(|(of, _)| *of == network) {
            Some((_, last)) => *last = now,
            None => {
                if theirs.len() >= NETWORKS {
                    let eldest = theirs.iter().enumerate().min_by_key(|(_, (_, last))| *last);
                    let (eldest, _) = eldest.map_or((0, ()), |(at, _)| (at, ()));
                    let (forgotten, _) = theirs.swap_remove(eldest);
                    forget(&mut self.networks, forgotten);
                }
                theirs.push((network, now));
                self.networks.entry(network).or_insert((0, now)).0 += 1;
            }
        }
        if let Some((_, last)) = self.networks.get_mut(&network) {
            *last = now;
        }
    }
}

fn forget(networks: &mut HashMap<IpAddr, (usize, Instant)>, network: IpAddr) {
    match networks.get_mut(&network) {
        Some((holders, _)) if *holders > 1 => *holders -= 1,
        _ => drop(networks.remove(&network)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(name: &str) -> Holder {
        Holder::Provider(name.into())
    }

    fn network(n: usize) -> IpAddr {
        [10, 0, (n >> 8) as u8, n as u8].into()
    }

    #[test]
    fn a_network_is_familiar_for_an_hour_from_when_somebody_last_came() {
        let (mut familiar, start) = (Familiar::default(), Instant::now());
        assert!(!familiar.knows(network(1), start));
        familiar.see(&holder("alpha"), network(1), start);
        let again = start + REMEMBERED - Duration::from_secs(1);
        assert!(familiar.knows(network(1), again));
        assert!(!familiar.knows(network(2), again));
        assert!(!familiar.knows(network(1), start + REMEMBERED));
        familiar.see(&holder("alpha"), network(1), again);
        assert!(familiar.knows(network(1), start + REMEMBERED));
    }

    #[test]
    fn whoever_comes_from_everywhere_has_no_other_forgotten() {
        let (mut familiar, now) = (Familiar::default(), Instant::now());
        familiar.see(&holder("beta"), network(0), now);
        for n in 0..1_000 {
            familiar.see(&holder("alpha"), network(n), now + Duration::from_millis(n as u64));
        }
        let later = now + Duration::from_secs(1);
        let known = (0..1_000).filter(|n| familiar.knows(network(*n), later)).count();
        // Alpha's last, and beta's, which was alpha's first too.
        assert_eq!(known, NETWORKS + 1);
        assert!(familiar.knows(network(0), later) && familiar.knows(network(999), later));
        assert_eq!(familiar.networks.len(), NETWORKS + 1);
    }
}
