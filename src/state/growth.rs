//! Budgets of entries: however entitled somebody is, the ledger grows by so much a day for them and
//! no more. A fold over the entries that the registrar asks before it writes and the verifier when
//! it reads; the door is told who has used theirs up. What an entry says plays no part, only that
//! it is one: a refusal tells nobody what a read would have found.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;

use super::bucket::Bucket;
use crate::format::entry::{
    Access, Acknowledgement, Act, Deed, Entry, EntryBudget, Hash as Digest, Matter, Millis,
    Payload, Policy, ProviderRules, Section, SignedAct, Statement, Tag, Warning, Word,
};

/// What each budget refills over, and for how long it is not told again that half of it is gone.
const DAY: Millis = 86_400_000;
/// One agent gets one part in so many of its provider's, so that the others can go on.
const SHARE: u64 = 4;
/// Acts a day of each deed by which one administrator contains: beside the budget, for it must
/// always be possible.
const CONTAINING: u64 = 10_000;

/// Who brings entries about at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Requester {
    /// An agent, the person whom a read is for.
    Agent(Tag),
    /// Whoever has a certificate of it: a receipt needs no person.
    Certificate,
}

/// Who brings an entry about, and which certificate a receipt was for.
#[derive(Clone, Copy, Debug)]
enum Caller {
    Agent(Tag),
    Receipt(Digest),
}

impl Caller {
    fn origin(self) -> Requester {
        match self {
            Caller::Agent(tag) => Requester::Agent(tag),
            Caller::Receipt(_) => Requester::Certificate,
        }
    }
}

/// Whose budget an entry is charged to.
#[derive(Debug)]
enum Payer<'a> {
    /// A provider's, and the share of one of its callers.
    Provider(&'a Word, Caller),
    /// That of a member of staff, by role and id.
    Staff(&'a str, &'a Word),
    /// What an administrator has to contain with, by one deed: whoever flaps one has the others
    /// left.
    Containing(&'a Deed, &'a Word),
    /// The gateway's own entries, which have rates of their own.
    Nobody,
}

impl Payer<'_> {
    fn of(what: &Payload) -> Payer<'_> {
        match what {
            Payload::Read(read) => Payer::Provider(&read.provider, Caller::Agent(read.agent)),
            Payload::Alert(alert) => Payer::Provider(&alert.provider, Caller::Agent(alert.agent)),
            Payload::Access(Access { role, id, certificate, .. }) if &**role == "provider" => {
                Payer::Provider(id, Caller::Receipt(*certificate))
            }
            Payload::Access(Access { role, id, .. }) => Payer::Staff(role, id),
            Payload::Act(Act::Acknowledged(Acknowledgement { id, .. })) => {
                Payer::Staff("security", id)
            }
            // A founding key is enrolled before there is a policy.
            Payload::Act(Act::Signed(SignedAct { certificate: None, .. })) => Payer::Nobody,
            Payload::Act(Act::Signed(SignedAct {
                statement: Statement { deed, .. }, id, ..
            })) => {
                if contains(deed) {
                    Payer::Containing(deed, id)
                } else {
                    Payer::Staff("admin", id)
                }
            }
            Payload::Genesis(_)
            | Payload::Policy(_)
            | Payload::Roster(_)
            | Payload::Refusals(_)
            | Payload::Warning(_) => Payer::Nobody,
        }
    }
}

/// Whether a deed takes something away from somebody at once, or gives back what an alert took by
/// mistake.
fn contains(deed: &Deed) -> bool {
    match deed {
        Deed::Suspend(_) | Deed::Lift(_) | Deed::RevokeKey(_) | Deed::DismissAgent(_) => true,
        Deed::WithdrawJob { .. } => true,
        Deed::Reinstate(_)
        | Deed::EnrolKey(_)
        | Deed::EnrolAgent(_)
        | Deed::EnrolRoster { .. }
        | Deed::Loosen { .. }
        | Deed::DeclareJob { .. }
        | Deed::ApproveJob { .. } => false,
    }
}

/// A budget of entries is used up: in so many milliseconds there is room for the next.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the budget of ledger entries a day is used up")]
pub struct UsedUp {
    /// Milliseconds until there is room again, if nobody else takes it.
    pub wait: Millis,
}

/// Those whose budgets are used up, each until this tick: what the door asks.
#[derive(Clone, Debug, Default)]
pub struct Exhausted {
    providers: HashMap<Word, Millis>,
    callers: HashMap<Word, HashMap<Requester, Millis>>,
    staff: HashMap<(Word, Word), Millis>,
}

impl Exhausted {
    /// Whether a caller of a provider must wait; who it is is asked only where that matters.
    ///
    /// # Errors
    /// [`UsedUp`].
    pub fn caller(
        &self,
        provider: &Word,
        caller: impl FnOnce() -> Requester,
        tick: impl FnOnce() -> Millis,
    ) -> Result<(), UsedUp> {
        let whole = self.providers.get(provider).copied();
        let own = self.callers.get(provider).and_then(|callers| callers.get(&caller()).copied());
        until(whole.max(own), tick)
    }

    /// Whether a member of staff must wait.
    ///
    /// # Errors
    /// [`UsedUp`].
    pub fn staff(
        &self,
        role: &str,
        id: &Word,
        tick: impl FnOnce() -> Millis,
    ) -> Result<(), UsedUp> {
        if self.staff.is_empty() {
            return Ok(());
        }
        until(self.staff.get(&(role.into(), id.clone())).copied(), tick)
    }

    fn forget(&mut self, tick: Millis) {
        self.providers.retain(|_, until| *until > tick);
        self.callers.retain(|_, callers| {
            callers.retain(|_, until| *until > tick);
            !callers.is_empty()
        });
        self.staff.retain(|_, until| *until > tick);
    }
}

fn until(until: Option<Millis>, tick: impl FnOnce() -> Millis) -> Result<(), UsedUp> {
    match until.map(|until| until.saturating_sub(tick())) {
        None | Some(0) => Ok(()),
        Some(wait) => Err(UsedUp { wait }),
    }
}

/// One budget of entries, and when somebody was last told of it.
#[derive(Clone, Copy, Debug)]
struct Account {
    bucket: Bucket,
    /// When it was told last that half of it is gone.
    told: Option<Millis>,
}

impl Account {
    fn full(size: u64, tick: Millis) -> Account {
        Account { bucket: Bucket::full(size, DAY, tick), told: None }
    }

    /// Takes an entry out; what is told in the same commit, if at least half is gone and that was
    /// not told for a day.
    fn charge(&mut self, tick: Millis, whose: impl FnOnce() -> EntryBudget) -> Option<Warning> {
        self.bucket.charge(DAY, tick, 1);
        let size = self.bucket.size;
        if self.bucket.holds(DAY, tick, size / 2 + 1) || self.was_told(tick) {
            return None;
        }
        self.told = Some(tick);
        let observed = size - self.bucket.left(DAY, tick);
        Some(Warning { matter: Matter::Entries(whose()), observed, expected: size })
    }

    /// Ticks until there is room for an entry.
    fn wait(&self, tick: Millis) -> Millis {
        if self.bucket.holds(DAY, tick, 1) {
            return 0;
        }
        self.bucket.wait(DAY, tick, 1).unwrap_or(DAY)
    }

    fn was_told(&self, tick: Millis) -> bool {
        self.told.is_some_and(|told| tick < told.saturating_add(DAY))
    }

    /// Whether it is as if it had never been charged.
    fn is_fresh(&self, tick: Millis) -> bool {
        !self.was_told(tick) && self.bucket.holds(DAY, tick, self.bucket.size)
    }
}

/// The accounts of one kind; who has none has a full one.
type Accounts<K> = HashMap<K, Account>;

fn account<K: Eq + Hash>(of: &Accounts<K>, who: &K, size: u64, tick: Millis) -> Account {
    of.get(who).copied().unwrap_or_else(|| Account::full(size, tick))
}

/// One provider's, as long as a policy has named it.
#[derive(Debug)]
struct Provider {
    whole: Account,
    callers: Accounts<Requester>,
}

/// All budgets of a ledger: a fold over its entries.
#[derive(Debug, Default)]
pub struct EntryAccounts {
    providers: HashMap<Word, Provider>,
    /// Entries a day of each member of staff, and what is left of them, by role and id.
    staff_day: Option<u64>,
    staff: Accounts<(Word, Word)>,
    containing: Accounts<(Discriminant<Deed>, Word)>,
    exhausted: Arc<Exhausted>,
    due: Vec<Warning>,
    /// When accounts that are full again were dropped last.
    dropped: Millis,
}

fn of_staff(role: &str, id: &Word) -> EntryBudget {
    EntryBudget::Staff { role: role.into(), id: id.clone() }
}

/// How many entries a day one caller may have of a provider's `whole`.
fn share(whole: u64) -> u64 {
    whole.div_ceil(SHARE)
}

impl EntryAccounts {
    /// Whether an entry may be written at `tick`.
    ///
    /// # Errors
    /// [`UsedUp`].
    pub fn admits(&self, what: &Payload, tick: Millis) -> Result<(), UsedUp> {
        // What a read brought about stands behind it, whatever is left.
        if let Payload::Alert(_) = what {
            return Ok(());
        }
        self.admits_of(Payer::of(what), tick)
    }

    fn admits_of(&self, payer: Payer<'_>, tick: Millis) -> Result<(), UsedUp> {
        let wait = match payer {
            Payer::Provider(id, caller) => self.providers.get(id).map_or(0, |provider| {
                let size = share(provider.whole.bucket.size);
                let own = account(&provider.callers, &caller.origin(), size, tick);
                own.wait(tick).max(provider.whole.wait(tick))
            }),
            Payer::Staff(role, id) => self.staff_day.map_or(0, |day| {
                account(&self.staff, &(role.into(), id.clone()), day, tick).wait(tick)
            }),
            Payer::Containing(deed, id) => {
                account(&self.containing, &(discriminant(deed), id.clone()), CONTAINING, tick)
                    .wait(tick)
            }
            Payer::Nobody => 0,
        };
        if wait == 0 { Ok(()) } else { Err(UsedUp { wait }) }
    }

    /// Folds the next entry and takes it out of the budgets that it is charged to.
    pub fn apply(&mut self, entry: &Entry) {
        let tick = entry.now.tick;
        self.due.clear();
        if tick >= self.dropped.saturating_add(DAY) {
            self.drop_fresh(tick);
        }
        match &entry.payload {
            Payload::Policy(Policy { section }) => self.rules(section, tick),
            what => self.charge(what, tick),
        }
    }

    fn rules(&mut self, section: &Section, tick: Millis) {
        match section {
            Section::Staff(rules) => {
                for account in self.staff.values_mut() {
                    account.bucket.resize(DAY, tick, rules.entries_day);
                }
                self.staff_day = Some(rules.entries_day);
            }
            Section::Provider(ProviderRules { provider, entries_day: Some(day), .. }) => {
                let known = self.providers.entry(provider.clone()).or_insert_with(|| Provider {
                    whole: Account::full(*day, tick),
                    callers: HashMap::new(),
                });
                known.whole.bucket.resize(DAY, tick, *day);
                for account in known.callers.values_mut() {
                    account.bucket.resize(DAY, tick, share(*day));
                }
            }
            Section::Provider(ProviderRules { provider, entries_day: None, .. }) => {
                self.providers.remove(provider);
            }
            Section::Detectors(_) | Section::Head(_) => {}
        }
        // Who waits by the rules before may have room by these: the next refusal tells.
        self.exhausted = Arc::default();
    }

    fn charge(&mut self, what: &Payload, tick: Millis) {
        match Payer::of(what) {
            Payer::Provider(id, caller) => self.charge_provider(id, caller, tick),
            Payer::Staff(role, id) => self.charge_staff(role, id, tick),
            Payer::Containing(deed, id) => {
                let own = self.containing.entry((discriminant(deed), id.clone()));
                let own = own.or_insert_with(|| Account::full(CONTAINING, tick));
                self.due.extend(own.charge(tick, || of_staff("admin", id)));
            }
            Payer::Nobody => {}
        }
    }

    fn charge_provider(&mut self, id: &Word, caller: Caller, tick: Millis) {
        let Some(Provider { whole, callers }) = self.providers.get_mut(id) else { return };
        let size = share(whole.bucket.size);
        let own = callers.entry(caller.origin()).or_insert_with(|| Account::full(size, tick));
        let provider = || id.clone();
        self.due.extend(whole.charge(tick, || EntryBudget::Provider { provider: provider() }));
        self.due.extend(own.charge(tick, || match caller {
            Caller::Agent(agent) => EntryBudget::Agent { provider: provider(), agent },
            Caller::Receipt(certificate) => {
                EntryBudget::Receipts { provider: provider(), certificate }
            }
        }));
        let (own, whole) = (own.wait(tick), whole.wait(tick));
        if own == 0 && whole == 0 {
            return;
        }
        let exhausted = self.publish(tick);
        if whole > 0 {
            exhausted.providers.insert(id.clone(), tick + whole);
        }
        if own > 0 {
            exhausted.callers.entry(id.clone()).or_default().insert(caller.origin(), tick + own);
        }
    }

    fn charge_staff(&mut self, role: &str, id: &Word, tick: Millis) {
        let Some(day) = self.staff_day else { return };
        let who = (role.into(), id.clone());
        let own = self.staff.entry(who.clone()).or_insert_with(|| Account::full(day, tick));
        self.due.extend(own.charge(tick, || of_staff(role, id)));
        let wait = own.wait(tick);
        if wait > 0 {
            self.publish(tick).staff.insert(who, tick + wait);
        }
    }

    /// What the door is told, to be changed.
    fn publish(&mut self, tick: Millis) -> &mut Exhausted {
        let exhausted = Arc::make_mut(&mut self.exhausted);
        exhausted.forget(tick);
        exhausted
    }

    /// Drops what is as if it had never been, so that who came once is not kept for ever.
    fn drop_fresh(&mut self, tick: Millis) {
        self.dropped = tick;
        for provider in self.providers.values_mut() {
            provider.callers.retain(|_, account| !account.is_fresh(tick));
        }
        self.staff.retain(|_, account| !account.is_fresh(tick));
        self.containing.retain(|_, account| !account.is_fresh(tick));
    }
}

/// What the registrar asks besides what the verifier does.
impl EntryAccounts {
    /// What is to be told of the budgets that the entry was charged to which was folded last.
    pub fn due(&self) -> Vec<Warning> {
        self.due.clone()
    }

    /// Who has used up a budget: the same `Arc` as long as nobody does.
    pub fn exhausted(&self) -> &Arc<Exhausted> {
        &self.exhausted
    }
}

#[cfg(test)]
mod tests;
