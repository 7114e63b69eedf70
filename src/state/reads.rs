//! What a read must satisfy by itself, whatever stands before it.

use std::net::IpAddr;

use crate::format::entry::{Counts, Method, Outcome, Read, Rule, Ruling, Tag};

/// Why a read cannot be true.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadRead {
    /// It lists more or fewer subject tags than it has rows.
    #[error("it lists {tags} subjects for {rows} rows")]
    Rows {
        /// How many subject tags it lists.
        tags: u64,
        /// How many rows it says were released.
        rows: u64,
    },
    /// It lists the tag of one subject twice.
    #[error("it lists one subject twice")]
    Twice,
    /// It was withheld, and yet lists subjects or has a reply digest.
    #[error("it was withheld and yet lists subjects or a reply")]
    Withheld,
    /// It was released, and has no digest of the reply.
    #[error("it was released without a reply digest")]
    Undigested,
    /// It counts more persons as new in a longer span than in a shorter one, more off the roster
    /// than in all, or more than it has rows.
    #[error("its counts contradict each other")]
    Counts,
    /// Its counts are not what the reads before it give.
    #[error("its counts are not those of the persons released before it")]
    Counted,
    /// It counts more new persons than it could hold.
    #[error("it counts more new persons than it could hold")]
    Could,
    /// The number that it could hold does not follow from what was asked.
    #[error("what it could hold does not follow from what was asked")]
    Asked,
    /// A `get` or a `search` that finds nobody has missed, and nothing else has.
    #[error("what it says it missed is not what it found")]
    Misses,
    /// Its network is not cut to `/24` or `/48`: a whole address points at a person.
    #[error("its network is not an address cut to /24 or /48")]
    Network,
    /// It lists persons off the roster, and states no reason to meet them.
    #[error("it lists persons off the roster without a stated reason")]
    Reason,
    /// Its ruling contradicts itself, such as a release by a rule that withholds.
    #[error("its ruling contradicts itself")]
    Ruling,
}

/// Whether a network is one as the format has it: `192.0.2.0/24`, or `2001:db8:1::/48`.
fn is_network(network: &str) -> bool {
    let Some((address, bits)) = network.split_once('/') else { return false };
    match (address.parse(), bits) {
        (Ok(IpAddr::V4(v4)), "24") => v4.octets()[3] == 0,
        (Ok(IpAddr::V6(v6)), "48") => v6.octets()[6..] == [0; 10] && v6.to_string() == address,
        _ => false,
    }
}

/// What one read must satisfy by itself.
pub(super) fn check(read: &Read) -> Result<(), BadRead> {
    let (on, off) = (read.on.len() as u64, read.off.len() as u64);
    if on + off != read.rows {
        return Err(BadRead::Rows { tags: on + off, rows: read.rows });
    }
    let one = matches!(read.method, Method::Get | Method::Search);
    let missed = match read.ruling.outcome {
        Outcome::Released => read.misses == u64::from(one && read.rows == 0),
        // What it would have found is in no entry.
        Outcome::Withheld => read.misses <= u64::from(one),
    };
    if !missed {
        return Err(BadRead::Misses);
    }
    if !is_network(&read.network) {
        return Err(BadRead::Network);
    }
    let facts = &read.facts;
    let could = facts.could == read.asked || (facts.could == 0 && read.method == Method::Get);
    let could_off = if read.reason.is_some() { facts.could } else { 0 };
    let could_never = if read.method == Method::Get {
        facts.could_never <= facts.could
    } else {
        facts.could_never == facts.could
    };
    let one = read.method != Method::Get || read.asked == 1;
    if !(could && could_never && one && facts.could_off == could_off && read.rows <= read.asked) {
        return Err(BadRead::Asked);
    }
    if read.reason.is_none() && off > 0 {
        return Err(BadRead::Reason);
    }
    let ruling = &read.ruling;
    let ruled = match ruling.outcome {
        Outcome::Released => *ruling == Ruling::RELEASED,
        Outcome::Withheld => match ruling.rule {
            None => false,
            Some(Rule::Contained) => ruling.remaining.is_none(),
            Some(rule) => rule.withholds() && ruling.remaining.is_some(),
        },
    };
    if !ruled {
        return Err(BadRead::Ruling);
    }
    if read.rows > 1 {
        let mut tags: Vec<&Tag> = read.on.iter().chain(&read.off).collect();
        tags.sort_unstable();
        if tags.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(BadRead::Twice);
        }
    }
    let falling = |c: &Counts| {
        c.agent_day >= c.provider_day
            && c.provider_day >= c.provider_30_days
            && c.provider_30_days >= c.never
    };
    let within = facts.off.agent_day <= facts.all.agent_day
        && facts.off.provider_day <= facts.all.provider_day
        && facts.off.provider_30_days <= facts.all.provider_30_days
        && facts.off.never <= facts.all.never;
    if !(falling(&facts.all) && falling(&facts.off) && within) {
        return Err(BadRead::Counts);
    }
    if facts.all.agent_day > facts.could
        || facts.all.never > facts.could_never
        || facts.off.agent_day > facts.could_off
    {
        return Err(BadRead::Could);
    }
    match read.ruling.outcome {
        Outcome::Withheld if read.rows > 0 || read.reply.is_some() => Err(BadRead::Withheld),
        Outcome::Released if read.reply.is_none() => Err(BadRead::Undigested),
        Outcome::Released if facts.all.agent_day > read.rows || facts.off.agent_day > off => {
            Err(BadRead::Counts)
        }
        _ => Ok(()),
    }
}
