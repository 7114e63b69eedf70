//! How a provider works: drawn once for each, widely, because no two offices work alike.

use super::calendar::{date, holiday, weekday};
use super::chance::{Chance, Counts};

/// A span of days with a change in it: first day, day behind the last, and what holds meanwhile.
pub(crate) type Spell = (u64, u64, u64);

/// The habits of a provider. Unless said otherwise, numbers are chances in thousandths.
pub(crate) struct Habits {
    /// Persons on the roster at the start.
    pub(crate) size: u64,
    /// Thousandths of persons enrolled in a week, without placement mornings.
    pub(crate) intake: u64,
    /// Days that a person stays, median.
    pub(crate) stay: u64,
    /// Whether those who left stay on the roster until the month is over.
    pub(crate) tidies_monthly: bool,
    /// Share of office agents.
    pub(crate) office: u64,
    /// Declared hours, in minutes of the day.
    pub(crate) opens: u64,
    pub(crate) closes: u64,
    /// Whether it works on Saturdays.
    pub(crate) saturdays: bool,
    /// Trainers with a course in the evening.
    pub(crate) evenings: u64,
    /// Activity by day of the week.
    pub(crate) week: [u64; 6],
    /// Whether it keeps the holidays of Alsace and Moselle.
    pub(crate) alsace: bool,
    /// That it closes on a day between a holiday and a week-end.
    pub(crate) bridges: bool,
    /// Weeks in which it is closed, as first day and day behind.
    pub(crate) closed: Vec<Spell>,
    /// Changes of the level, with the level.
    pub(crate) shifts: Vec<Spell>,
    /// Activity in August.
    pub(crate) august: u64,
    /// Activity of the office in the last three working days of a month.
    pub(crate) month_end: u64,
    /// An office agent's hour with work in it.
    pub(crate) active: u64,
    /// Files in such an hour.
    pub(crate) counts: Counts,
    /// A name is misspelt at first.
    pub(crate) misspells: u64,
    /// How often an office agent turns to somebody else where the person is a colleague's.
    pub(crate) portfolios: u64,
    /// The same failed search is sent again.
    pub(crate) insists: u64,
    /// A file is opened by a handle of before, without a search.
    pub(crate) handles: u64,
    /// What was searched is opened.
    pub(crate) opens_found: u64,
    /// All fields are asked, by the office.
    pub(crate) full: u64,
    /// The reason is stated though nobody needs it.
    pub(crate) ticks: u64,
    /// Files of persons off the roster.
    pub(crate) strangers: u64,
    /// The reason for such a person is stated at the first search.
    pub(crate) forewarned: u64,
    /// A batch is synchronised late.
    pub(crate) late: u64,
    /// Days that takes at most, mostly.
    pub(crate) lag: u64,
    /// For somebody not yet synchronised a reason is stated rather than waiting.
    pub(crate) impatient: u64,
    /// A newly enrolled person's file is looked at.
    pub(crate) registers: u64,
    /// A placement morning on a Tuesday, Wednesday or Thursday.
    pub(crate) placement: u64,
    /// Records on a page of the roster, and of an export.
    pub(crate) page: usize,
    pub(crate) export_page: usize,
    /// A listing of the whole roster on a working day.
    pub(crate) lists_roster: u64,
    /// Whether trainers list the whole (small) roster and not their group.
    pub(crate) lists_all: bool,
    /// A trainer has a second group in the afternoon.
    pub(crate) afternoons: u64,
    /// Files that a trainer opens after a group list, in thousandths.
    pub(crate) peeks: u64,
    /// Which exports: at the start of a month, at its end.
    pub(crate) exports: [bool; 2],
    /// Another export on another of those days, to correct one.
    pub(crate) corrects: u64,
    /// An export is approved a day before.
    pub(crate) approved_ahead: u64,
    /// An upload fails, and the export is made again.
    pub(crate) uploads_fail: u64,
    /// How the case reference is given: 0 by file, 1 by course, 2 one for everything.
    pub(crate) cases: u64,
    /// Agents at home, late in the office, and at work in the evening or on a Sunday.
    pub(crate) telework: u64,
    pub(crate) overtime: u64,
    pub(crate) homework: u64,
    /// Other networks of the whole provider.
    pub(crate) networks: Vec<Spell>,
    /// A clerk's script, if there is one.
    pub(crate) script: Option<Script>,
}

/// A script that a clerk runs over many files.
pub(crate) struct Script {
    /// Chance in thousandths that it runs on a working day.
    pub(crate) runs: u64,
    /// Files at most.
    pub(crate) files: u64,
    /// Milliseconds between two asks.
    pub(crate) pause: u64,
    /// Minute of the day when it starts.
    pub(crate) starts: u64,
    /// Whether it searches each file by number; otherwise it lists and follows the handles.
    pub(crate) searches: bool,
    /// Whether it asks for all fields.
    pub(crate) full: bool,
}

impl Habits {
    /// Draws them for a run of about a year from its first day.
    pub(crate) fn draw(chance: &mut Chance, first: u64) -> Habits {
        let c = chance;
        let size = c.spread(250).clamp(12, 6_000);
        let stay = c.within(110, 260);
        let evenings = if c.happens(250) { c.within(80, 350) } else { 0 };
        let weekly = size * 7 * c.within(850, 1_150) * 1_000 / (stay * 1_120);
        let placed = if size >= 120 && c.happens(600) { c.within(200, 700) } else { 0 };
        Habits {
            size,
            intake: weekly * (1_000 - placed) / 1_000,
            stay,
            tidies_monthly: c.happens(300),
            office: c.within(200, 400),
            opens: c.within(15, 18) * 30,
            closes: if evenings > 0 && c.happens(600) { 1_260 } else { c.within(34, 38) * 30 },
            saturdays: c.happens(140),
            evenings,
            week: [1_150, 1_080, 900, 1_050, 820, 350]
                .map(|usual| usual * c.within(850, 1_150) / 1_000),
            alsace: c.happens(40),
            bridges: c.happens(450),
            closed: closures(c, first),
            shifts: shifts(c, first),
            august: c.within(150, 550),
            month_end: c.within(950, 1_600),
            active: c.within(650, 950),
            counts: Counts::new(c.sway(27).clamp(12, 55), c.within(7, 13)),
            misspells: c.sway(46).clamp(12, 130),
            portfolios: if c.happens(400) { c.within(2, 6) } else { 0 },
            insists: c.within(50, 500),
            handles: c.within(20, 250),
            opens_found: c.within(350, 850),
            full: if c.happens(700) { c.sway(6) } else { c.within(10, 60) },
            ticks: if c.happens(120) { c.within(20, 300) } else { c.below(6) },
            strangers: c.sway(15).clamp(3, 50),
            forewarned: c.within(200, 950),
            late: if c.happens(250) { c.within(200, 700) } else { c.sway(100).min(300) },
            lag: c.within(2, 12),
            impatient: c.within(50, 700),
            registers: c.within(400, 1_000),
            placement: (weekly * placed / 1_000 / (3 * 45)).min(300),
            page: c.one(&[20, 25, 50, 50, 100, 200, 500]).unwrap_or(50),
            export_page: c.one(&[100, 200, 250, 400, 500, 500]).unwrap_or(500),
            lists_roster: match c.below(10) {
                0..3 => 0,
                3..7 => c.within(10, 60),
                7..9 => c.within(100, 250),
                _ => c.within(400, 900),
            },
            lists_all: size <= 120 && c.happens(250),
            afternoons: c.within(100, 1_000),
            peeks: c.sway(700).min(4_000),
            exports: c
                .one(&[[true, true], [true, true], [false, true], [true, false]])
                .unwrap_or([true; 2]),
            corrects: if c.happens(150) { c.within(200, 900) } else { c.below(60) },
            approved_ahead: if c.happens(400) { c.within(300, 1_000) } else { 0 },
            uploads_fail: c.sway(70).min(300),
            cases: c.below(3),
            telework: if c.happens(600) { c.within(20, 300) } else { 0 },
            overtime: c.below(60),
            homework: c.below(50),
            networks: networks(c, first),
            script: c.happens(200).then(|| Script::draw(c)),
        }
    }

    /// Whether it works on a day.
    pub(crate) fn works(&self, day: u64) -> bool {
        let week_end = if self.saturdays { 6 } else { 5 };
        weekday(day) < week_end
            && !holiday(day, self.alsace)
            && spell(&self.closed, day).is_none()
            && !(self.bridges && self.bridge(day))
    }

    /// Whether a day lies alone between a holiday and a week-end.
    fn bridge(&self, day: u64) -> bool {
        weekday(day) == 0 && holiday(day + 1, self.alsace)
            || weekday(day) >= 4 && holiday(day + 3 - weekday(day), self.alsace)
    }

    /// The level of activity on a day in thousandths, without the office's own ups and downs.
    pub(crate) fn level(&self, day: u64) -> u64 {
        let (_, month, of_month) = date(day);
        let season = match (month, of_month) {
            (8, _) => self.august,
            (7, 15..) => 800,
            (12, 23..) | (1, 1..3) => 500,
            _ => 1_000,
        };
        season * self.shift(day) / 1_000
    }

    /// The level shift of a day in thousandths.
    fn shift(&self, day: u64) -> u64 {
        spell(&self.shifts, day).unwrap_or(1_000)
    }

    /// How many working days lie before a day in its month, and behind it.
    pub(crate) fn place_in_month(&self, day: u64) -> (u64, u64) {
        let (_, month, of_month) = date(day);
        let count = |days: &mut dyn Iterator<Item = u64>| {
            days.filter(|other| weekday(*other) < 5 && self.works(*other)).count() as u64
        };
        let before = count(&mut (day + 1 - of_month..day));
        (before, count(&mut (day + 1..day + 31).take_while(|other| date(*other).1 == month)))
    }

    /// The next working day behind a day; the day itself if there is none for long.
    pub(crate) fn next(&self, day: u64) -> u64 {
        (day + 1..day + 40).find(|other| self.works(*other)).unwrap_or(day)
    }
}

impl Script {
    /// Draws one.
    fn draw(chance: &mut Chance) -> Script {
        Script {
            runs: chance.one(&[5, 20, 45, 45, 200, 500]).unwrap_or(45),
            files: chance.sway(110).clamp(30, 500),
            pause: chance.within(400, 5_000),
            starts: chance.one(&[300, 450, 735, 750, 990, 1_110, 1_290]).unwrap_or(735),
            searches: chance.happens(500),
            full: chance.happens(250),
        }
    }
}

/// What holds on a day, of several spells the last.
pub(crate) fn spell(spells: &[Spell], day: u64) -> Option<u64> {
    spells.iter().rev().find(|(from, to, _)| (*from..*to).contains(&day)).map(|(_, _, what)| *what)
}

/// Weeks without work: in August, at the end of the year, in spring.
fn closures(chance: &mut Chance, first: u64) -> Vec<Spell> {
    let august = chance.within(0, 2) * 7;
    let length = chance.within(1, 3) * 7;
    let (summer, winter, spring) = (chance.happens(350), chance.happens(550), chance.happens(100));
    let starts = |month, of_month| {
        (first..first + 366).find(move |day| {
            let (_, its, place) = date(*day);
            weekday(*day) == 0 && its == month && place >= of_month
        })
    };
    let mut closed = Vec::new();
    for (wanted, start, days) in [
        (summer, starts(8, 1).map(|day| day + august), length),
        (winter, starts(12, 21), 12),
        (spring, starts(4, 12), 7),
    ] {
        closed.extend(start.filter(|_| wanted).map(|day| (day, day + days, 0)));
    }
    closed
}

/// Level shifts: a lost contract, or another one won, for some months or for good.
fn shifts(chance: &mut Chance, first: u64) -> Vec<Spell> {
    let mut shifts = Vec::new();
    for (rate, level) in [(80, 200), (100, 2_000), (120, 1_400), (100, 650)] {
        if chance.happens(rate) {
            let from = first + chance.within(20, 330);
            let days = if chance.happens(500) { 10_000 } else { chance.within(15, 150) };
            shifts.push((from, from + days, level));
        }
    }
    shifts
}

/// Other networks: a move, and lines that fail for some days.
fn networks(chance: &mut Chance, first: u64) -> Vec<Spell> {
    let mut networks = Vec::new();
    if chance.happens(250) {
        let from = first + chance.within(10, 340);
        networks.push((from, from + 10_000, 1));
    }
    for _ in 0..chance.below(4) {
        let from = first + chance.below(360);
        networks.push((from, from + chance.within(1, 4), 2));
    }
    networks
}
