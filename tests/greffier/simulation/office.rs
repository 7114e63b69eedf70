//! What callers, watchers and administrators ask in a history: reads of every size, repeats,
//! exports, rosters, digests, warnings, acts and policies, drawn under the seed.

use std::future::Future;
use std::pin::Pin;

use greffier::format::entry::{
    Act, Budgets, Deed, Hash, JobTerms, Matter, Method, Millis, Nonce, Outcome, ProviderAgent,
    Read, RefusalCount, Refusals, Roster, Statement, Tag, Warning, Whom, Word, sha256,
};
use greffier::registrar::rules::Rules;
use greffier::registrar::{Draft, Ledger, Unrecorded, bind};
use greffier::state::memory::Reach;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::segment::{WIDE, access, person, read, rules, signed_by};

pub(crate) const PROVIDERS: [&str; 3] = ["alpha-langues", "beta-emploi", "gamma-formation"];
const AGENTS: u32 = 4;
/// Persons on the roster of each; numbers above [`STRANGERS`] are off it.
const ROSTER: u32 = 400;
const STRANGERS: u32 = 100_000;
const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;

/// What was answered: the entry, and what it must say.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) seq: u64,
    pub(crate) says: Says,
}

#[derive(Debug)]
pub(crate) enum Says {
    /// A read of these persons, released or withheld.
    Read { agent: Tag, persons: Vec<Tag>, outcome: Outcome },
    /// Something of this kind.
    Kind(&'static str),
    /// A policy of this digest.
    Policy(Hash),
}

/// Something asked, and its answer to come.
pub(crate) type Asked = Pin<Box<dyn Future<Output = Result<Told, Unrecorded>>>>;

/// Budgets under which some reads fit and some do not.
const NARROW: Budgets = Budgets {
    agent_minute: 30,
    agent_hour: 90,
    agent_day: 150,
    provider_day: 400,
    provider_30_days: 900,
    off_roster_day: 6,
    off_roster_30_days: 20,
};

/// The first policy.
pub(crate) fn first_rules() -> Rules {
    let middle = Budgets { agent_minute: 200, off_roster_day: 40, ..WIDE };
    rules(&[(PROVIDERS[0], NARROW), (PROVIDERS[1], middle), (PROVIDERS[2], WIDE)])
}

/// Whoever asks, with what they remember.
pub(crate) struct Office {
    pub(crate) chance: ChaCha8Rng,
    /// Request ids that were used, with what was asked.
    ids: Vec<(String, &'static str, u32, Hash)>,
    /// Declared jobs: entry, provider, and until when.
    jobs: Vec<(u64, &'static str, Millis)>,
    rosters: [u64; 3],
    policies: u8,
    nonces: u64,
}

impl Office {
    pub(crate) fn new(chance: ChaCha8Rng) -> Office {
        let (ids, jobs) = (Vec::new(), Vec::new());
        Office { chance, ids, jobs, rosters: [ROSTER.into(); 3], policies: 0, nonces: 0 }
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.chance.random_range(0..of.len())]
    }

    pub(crate) fn nonce(&mut self) -> Nonce {
        self.nonces += 1;
        let Hash(digest) = sha256(&[&self.nonces.to_be_bytes()]);
        Nonce(std::array::from_fn(|i| digest[i]))
    }

    /// The next thing that somebody asks, under the policy whose head is `head`.
    pub(crate) fn ask(&mut self, ledger: &Ledger, head: u64) -> Asked {
        match self.chance.random_range(0..100) {
            0..3 => self.roster(ledger.clone()),
            3..5 => self.refusals(ledger.clone()),
            5..7 => self.warning(ledger.clone()),
            7..9 => self.access(ledger.clone()),
            9..14 => self.act(ledger.clone()),
            _ => self.read(ledger.clone(), head),
        }
    }

    fn read(&mut self, ledger: Ledger, head: u64) -> Asked {
        let provider = self.one_of(&PROVIDERS);
        let agent = self.chance.random_range(0..AGENTS);
        let size = match self.chance.random_range(0..100) {
            0..50 => 1,
            50..95 => self.chance.random_range(2..13),
            _ => 60,
        };
        let strangers = if self.chance.random_bool(0.1) { size } else { 0 };
        let mut numbers = |from: u32, n: u32| -> Vec<Tag> {
            let first = self.chance.random_range(from..from + ROSTER - 60);
            (first..first + n).map(|n| person(provider, n)).collect()
        };
        let (on, off) = (numbers(0, size - strangers), numbers(STRANGERS, strangers));
        let mut read = read(provider, &format!("a{agent}"), &on, &off);
        read.policy = head.saturating_sub(u64::from(self.chance.random_bool(0.02)));
        let mut reach = Reach::Page(read.asked);
        if size == 1 {
            reach = Reach::One(if strangers == 0 { on[0] } else { off[0] });
        }
        if self.chance.random_bool(0.08) {
            // Nobody was there: somebody by a handle, or a page.
            (read.rows, read.weight) = (0, 0);
            read.on.clear();
            read.off.clear();
            read.misses = u64::from(size == 1);
        }
        let now = ledger.now().at;
        let open = self.jobs.iter().find(|(_, of, until)| *of == provider && *until > now).copied();
        if let Some((job, ..)) = open.filter(|_| strangers == 0 && size > 1)
            && self.chance.random_bool(0.5)
        {
            (read.method, read.job) = (Method::Export, Some(job));
        }
        let asked = self.request_id(&mut read, provider, agent);
        recorded(ledger, read, reach, asked)
    }

    /// Some reads have a request id, and some of these are repeats, or others by the same id.
    fn request_id(&mut self, read: &mut Read, provider: &'static str, agent: u32) -> Option<Hash> {
        if !self.chance.random_bool(0.2) {
            return None;
        }
        let asked = sha256(&[&self.chance.random::<u64>().to_be_bytes()]);
        let before = self.ids.iter().rev().find(|(_, of, by, _)| (*of, *by) == (provider, agent));
        if let Some((id, .., first)) = before.cloned().filter(|_| self.chance.random_bool(0.4)) {
            read.request = Some(id);
            return Some(if self.chance.random_bool(0.7) { first } else { asked });
        }
        let id: u128 = self.chance.random();
        let hex = format!("{id:032x}");
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        let id = parts.join("-");
        self.ids.push((id.clone(), provider, agent, asked));
        read.request = Some(id);
        Some(asked)
    }

    fn roster(&mut self, ledger: Ledger) -> Asked {
        let n = self.chance.random_range(0..PROVIDERS.len());
        let before = self.rosters[n];
        let added = self.one_of(&[0, 3, 200]);
        self.rosters[n] = (before + added).min(1_000);
        let persons = self.rosters[n];
        let digest = sha256(&[&persons.to_be_bytes()]);
        let changed = persons - before;
        let (added, removed) = (Some(changed), Some(0));
        let (provider, dataset) = (PROVIDERS[n].into(), "cir".into());
        let roster = Roster { provider, dataset, persons, digest, added, removed };
        note("roster", async move { ledger.roster(roster).await })
    }

    fn refusals(&mut self, ledger: Ledger) -> Asked {
        let ago = self.chance.random_range(0..5_000);
        // The first of them may have come while a commit was taken.
        let since = ledger.now().at + 1_000 - ago;
        let others = vec![RefusalCount { reason: "FLOOD".into(), count: 1 + ago }];
        let refusals = Refusals { since, certificates: Vec::new(), others };
        note("refusals", async move { ledger.refusals(refusals).await })
    }

    fn warning(&mut self, ledger: Ledger) -> Asked {
        let (matter, observed) = (Matter::Policy { digest: None }, self.chance.random_range(1..50));
        let warning = Warning { matter, observed, expected: 0 };
        note("warning", async move { ledger.warn(warning).await })
    }

    fn access(&mut self, ledger: Ledger) -> Asked {
        let access = access(self.chance.random_range(0..4));
        note("access", async move { ledger.access(access).await })
    }

    fn signed(&mut self, deed: Deed, at: Millis, admins: &[&str]) -> Act {
        let (reason, nonce) = ("an exercise".to_owned(), self.nonce());
        let statement = Statement { deed, reason, nonce, expires: at + HOUR };
        Act::Signed(signed_by(statement, admins))
    }

    fn act(&mut self, ledger: Ledger) -> Asked {
        let at = ledger.now().at;
        let id = self.one_of(&PROVIDERS);
        let agent = read(id, &format!("a{}", self.chance.random_range(0..AGENTS)), &[], &[]).agent;
        let provider: Word = id.into();
        let some = self.chance.random_bool(0.8).then_some(agent);
        let whom = Whom { provider: provider.clone(), agent: some };
        let both = &["admin-1", "admin-2"][..];
        let (deed, admins) = match self.chance.random_range(0..12) {
            0 => (Deed::Suspend(whom), both),
            1..4 => (Deed::Reinstate(whom), both),
            4..8 => (Deed::Lift(whom), both),
            8 => (Deed::EnrolAgent(ProviderAgent { provider, agent }), both),
            9 => {
                let (purpose, view, dataset) = ("enrolment".into(), "BASIC".into(), "cir".into());
                let (rows, until) = (self.chance.random_range(1..60), at + DAY);
                let job = JobTerms { purpose, view, rows, from: at, until };
                (Deed::DeclareJob { provider, dataset, job }, &both[..1])
            }
            10 => {
                let declared = self.jobs.last().map_or(0, |(job, ..)| *job);
                (Deed::ApproveJob { declared }, &both[1..])
            }
            _ => return acknowledge(ledger),
        };
        let act = self.signed(deed, at, admins);
        note("act", async move { ledger.act(act).await })
    }

    /// A job was declared: whoever exports may try it.
    pub(crate) fn declared(&mut self, job: u64, provider: &str, until: Millis) {
        let provider = PROVIDERS.into_iter().find(|id| *id == provider).expect("one of them");
        self.jobs.push((job, provider, until));
    }

    /// Another policy: other budgets for one provider, and how many administrators approve it
    /// first.
    pub(crate) fn policy(&mut self, rules: &Rules, at: Millis) -> (Rules, Option<Act>) {
        let mut others = rules.clone();
        self.policies += 1;
        others.digest = sha256(&[b"policy", &[self.policies]]);
        others.loosens_not = Some(rules.digest);
        let n = self.chance.random_range(0..others.providers.len());
        let budgets = &mut others.providers[n].budgets;
        let looser = self.chance.random_bool(0.5);
        let size = if looser { budgets.agent_hour + 40 } else { budgets.agent_hour.max(2) - 1 };
        budgets.agent_hour = size;
        if !looser {
            return (others, None);
        }
        others.loosens_not = None;
        let deed = Deed::Loosen { digest: others.digest };
        (others, Some(self.signed(deed, at, &["admin-2", "admin-1"])))
    }
}

fn recorded(ledger: Ledger, read: Read, reach: Reach, asked: Option<Hash>) -> Asked {
    let agent = read.agent;
    let persons = read.on.iter().chain(&read.off).copied().collect();
    let (bound, claim) = bind(Draft { read: Box::new(read), reach, asked, enrolled: false });
    Box::pin(async move {
        let recorded = ledger.record(bound).await?;
        let (ruling, seq, _) = claim.redeem(recorded).expect("the proof of this draft");
        Ok(Told { seq, says: Says::Read { agent, persons, outcome: ruling.outcome } })
    })
}

pub(crate) fn note(
    kind: &'static str,
    asked: impl Future<Output = Result<u64, Unrecorded>> + 'static,
) -> Asked {
    Box::pin(async move { Ok(Told { seq: asked.await?, says: Says::Kind(kind) }) })
}

fn acknowledge(ledger: Ledger) -> Asked {
    let act = crate::segment::acknowledgement(&ledger);
    note("act", async move { ledger.act(Act::Acknowledged(act)).await })
}
