//! Who is on a provider's roster, who is about to be and who was.

use std::collections::{BTreeSet, VecDeque};

use super::calendar::{date, weekday};
use super::chance::Chance;
use super::habits::Habits;
use crate::drill::traffic::{Found, PersonNumber};

/// Persons in the stock.
const STOCK: u64 = 2_000_000;
/// Persons in one batch of enrolments at most.
const BATCH: u64 = 40;

/// Somebody enrolled.
struct Member {
    person: PersonNumber,
    /// The course, if in one.
    group: Option<usize>,
    /// The day from which it is no longer enrolled.
    leaves: u64,
}

/// An enrolment to be looked at by the office.
pub(crate) struct Paper {
    pub(crate) person: PersonNumber,
    /// Not before this day.
    pub(crate) from: u64,
    /// How often it was tried in vain.
    pub(crate) tries: u64,
}

/// The persons of a provider. The roster changes overnight only.
pub(crate) struct People {
    /// Whether every enrolment is shown on time.
    on_time: bool,
    shown: Vec<Member>,
    on_roster: BTreeSet<PersonNumber>,
    /// Enrolled, and shown from a later day.
    late: Vec<(u64, Member)>,
    /// Who left last.
    gone: Vec<PersonNumber>,
    /// Transfers that were asked about and are enrolled on a day.
    arrivals: Vec<(u64, Member)>,
    /// Sizes of the courses' groups.
    groups: Vec<usize>,
    /// When the last weekly batch came, as the number of its week.
    week: u64,
    /// New enrolments.
    pub(crate) papers: VecDeque<Paper>,
    /// Who comes to a placement morning today.
    pub(crate) placement: Vec<PersonNumber>,
}

impl People {
    /// The roster at the start, with so many groups.
    pub(crate) fn new(
        habits: &Habits,
        groups: u64,
        day: u64,
        on_time: bool,
        c: &mut Chance,
    ) -> People {
        let mut people = People {
            on_time,
            shown: Vec::new(),
            on_roster: BTreeSet::new(),
            late: Vec::new(),
            gone: Vec::new(),
            arrivals: Vec::new(),
            groups: (0..groups).map(|_| c.within(12, 18) as usize).collect(),
            week: 0,
            papers: VecDeque::new(),
            placement: Vec::new(),
        };
        for _ in 0..habits.size {
            let person = people.fresh(c);
            let whole = stay(habits, c);
            let leaves = day + 1 + c.below(whole);
            people.show(Member { person, group: None, leaves });
        }
        people.fill_groups(c);
        people
    }

    /// Whether a person is on the roster.
    pub(crate) fn has(&self, person: PersonNumber) -> bool {
        self.on_roster.contains(&person)
    }

    /// The record of a person.
    pub(crate) fn record(&self, person: PersonNumber) -> Found {
        Found { person, on_roster: self.has(person) }
    }

    /// The roster in the order of its pages.
    pub(crate) fn roster(&self) -> Vec<PersonNumber> {
        self.shown.iter().map(|member| member.person).collect()
    }

    /// The roster's persons of a group.
    pub(crate) fn group(&self, group: usize) -> Vec<PersonNumber> {
        let of_group = self.shown.iter().filter(|member| member.group == Some(group));
        of_group.map(|member| member.person).collect()
    }

    /// The number of groups.
    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The group of a person, if in one.
    pub(crate) fn group_of(&self, person: PersonNumber) -> Option<usize> {
        self.shown.iter().find(|member| member.person == person).and_then(|member| member.group)
    }

    /// Somebody of the roster: those enrolled last come up more often.
    pub(crate) fn somebody(&self, chance: &mut Chance) -> Option<PersonNumber> {
        let size = self.shown.len() as u64;
        let newest = if chance.happens(300) { size.min(40) } else { size };
        let at = (size - newest + chance.below(newest)) as usize;
        self.shown.get(at).map(|member| member.person)
    }

    /// Somebody off the roster whom the office has to do with: who left, or asks for a transfer; of the
    /// latter some are enrolled soon.
    pub(crate) fn stranger(&mut self, habits: &Habits, day: u64, c: &mut Chance) -> PersonNumber {
        let left = if c.happens(400) { c.one(&self.gone) } else { None };
        if let Some(person) = left.filter(|person| !self.has(*person)) {
            return person;
        }
        let person = self.fresh(c);
        if c.happens(300) {
            let on = day + c.within(1, 14);
            let leaves = on + stay(habits, c);
            self.arrivals.push((on, Member { person, group: None, leaves }));
        }
        person
    }

    /// What changes before a working day or another.
    pub(crate) fn night(&mut self, habits: &Habits, day: u64, chance: &mut Chance) {
        self.placement.clear();
        if !habits.tidies_monthly || date(day).2 == 1 {
            self.leave(day);
        }
        let mut due = self.late.extract_if(.., |(on, _)| *on <= day).collect::<Vec<_>>();
        due.extend(self.arrivals.extract_if(.., |(on, _)| *on <= day));
        for (_, member) in due {
            if !self.enrolled(member.person) {
                self.show(member);
            }
        }
        if habits.works(day) {
            self.enrol(habits, day, chance);
        }
    }

    /// The week's batches on its first working day and some on others, and the placement morning.
    fn enrol(&mut self, habits: &Habits, day: u64, chance: &mut Chance) {
        let week = (day + 3) / 7;
        let usual = habits.intake * habits.level(day) / 1_000;
        let mut size = if week != self.week {
            let thousandths = chance.sway(usual * 7 / 10);
            chance.about(thousandths)
        } else if chance.happens(200) && weekday(day) < 5 {
            let thousandths = chance.sway(usual * 7 / 20);
            chance.about(thousandths)
        } else {
            0
        };
        self.week = week;
        while size > 0 {
            let batch = size.min(chance.within(BATCH / 2, BATCH));
            self.batch(habits, day, batch, chance);
            size -= batch;
        }
        let room = habits.size * 5 / 2 > self.shown.len() as u64;
        let level = habits.level(day).min(1_000);
        if room
            && (1..4).contains(&weekday(day))
            && chance.happens(habits.placement * level / 1_000)
        {
            let size = chance.within(30, 60);
            self.placement = self.batch(habits, day, size, chance);
            self.papers.retain(|paper| !self.placement.contains(&paper.person));
        }
        self.fill_groups(chance);
    }

    /// Enrols so many; the batch may be shown late, whole or in part.
    fn batch(&mut self, habits: &Habits, day: u64, size: u64, c: &mut Chance) -> Vec<PersonNumber> {
        let late = if c.happens(habits.late) { c.within(200, 1_000) } else { 0 };
        let lag = if c.happens(60) { c.within(12, 25) } else { c.within(1, habits.lag) };
        let mut persons = Vec::new();
        for _ in 0..size {
            let relative = persons.last().map(|last| last + 1).filter(|next| !self.enrolled(*next));
            let person = relative.filter(|next| u64::from(*next) < STOCK && c.happens(80));
            let person = person.unwrap_or_else(|| self.fresh(c));
            let short = c.happens(150);
            let leaves = day + if short { c.within(7, 40) } else { stay(habits, c) };
            let member = Member { person, group: None, leaves };
            if c.happens(late) && !self.on_time {
                self.late.push((day + lag, member));
            } else {
                self.show(member);
            }
            let within = c.one(&[1, 2, 4]).unwrap_or(1);
            let from = day + c.below(within);
            if c.happens(habits.registers) {
                self.papers.push_back(Paper { person, from, tries: 0 });
            }
            persons.push(person);
        }
        persons
    }

    /// Removes those whose time is over.
    fn leave(&mut self, day: u64) {
        let gone: Vec<Member> = self.shown.extract_if(.., |member| member.leaves <= day).collect();
        for member in gone {
            self.on_roster.remove(&member.person);
            self.gone.push(member.person);
        }
        let old = self.gone.len().saturating_sub(150);
        self.gone.drain(..old);
    }

    /// Puts somebody on the roster.
    fn show(&mut self, member: Member) {
        self.on_roster.insert(member.person);
        self.shown.push(member);
    }

    /// Whether somebody is enrolled, shown or not.
    fn enrolled(&self, person: PersonNumber) -> bool {
        self.has(person) || self.late.iter().any(|(_, member)| member.person == person)
    }

    /// Somebody of the stock who is not enrolled.
    fn fresh(&self, chance: &mut Chance) -> PersonNumber {
        loop {
            let person = chance.below(STOCK) as PersonNumber;
            if !self.enrolled(person) {
                return person;
            }
        }
    }

    /// How many are enrolled and not shown.
    #[cfg(test)]
    pub(crate) fn unshown(&self) -> usize {
        self.late.len()
    }

    /// Everybody enrolled.
    #[cfg(test)]
    pub(crate) fn enrolments(&self) -> BTreeSet<PersonNumber> {
        let late = self.late.iter().map(|(_, member)| member.person);
        late.chain(self.roster()).collect()
    }

    /// Gives free places in groups to those who are in none.
    fn fill_groups(&mut self, chance: &mut Chance) {
        let mut free = self.groups.clone();
        for group in self.shown.iter().filter_map(|member| member.group) {
            free[group] = free[group].saturating_sub(1);
        }
        for member in self.shown.iter_mut().filter(|member| member.group.is_none()) {
            let open = free.iter().position(|places| *places > 0);
            if let Some(group) = open.filter(|_| chance.happens(700)) {
                free[group] -= 1;
                member.group = Some(group);
            }
        }
    }
}

/// The days that somebody stays.
fn stay(habits: &Habits, chance: &mut Chance) -> u64 {
    chance.sway(habits.stay).max(5)
}
