//! What happens in the drill, in words.

use parking_lot::Mutex;

use super::grouped;
use super::show::{ProgressLine, Screen};
use crate::drill::account::Patience;
use crate::drill::incident::Incident;
use crate::drill::thief::Gain;
use crate::drill::{Audience, Happening, Progress, THIEF};
use crate::instance::Made;

/// The screen on which it is told, with the block at its bottom while both are at work.
pub(super) struct Narrator {
    pub(super) screen: Screen,
    block: Mutex<Option<[ProgressLine; 2]>>,
}

impl Narrator {
    pub(super) fn new(screen: Screen) -> Narrator {
        Narrator { screen, block: Mutex::default() }
    }

    /// Everything that there is before anybody reads.
    pub(super) fn agency(&self, persons: u64, providers: u32) {
        let why = format!(
            "It holds {} records of persons, all of them invented here and now, and has assigned \
             some of them to {providers} providers: a provider's roster. greffier stands before the \
             records; whoever reads needs a certificate, and every read is written and signed \
             before anything is given out.",
            grouped(persons)
        );
        self.screen.phase(1, "An agency", &why);
    }

    /// What the agency is made of.
    pub(super) fn made(&self, made: &Made) {
        let sizes = || made.rosters.iter().map(|(_, size)| *size);
        let (assigned, least, most) = (sizes().sum(), sizes().min(), sizes().max());
        self.screen.say(&format!(
            "{} persons are on a roster; the rosters have from {} to {} persons.",
            grouped(assigned),
            grouped(least.unwrap_or(0)),
            grouped(most.unwrap_or(0)),
        ));
    }

    fn now(&self, progress: Progress) {
        let mut block = self.block.lock();
        let lines = block.get_or_insert_with(|| [self.screen.line(), self.screen.line()]);
        let [ordinary, theft] = lines;
        let Progress { served, refused, retried, attempts, stolen } = progress;
        let [served, refused, retried] = [served, refused, retried].map(grouped);
        ordinary.set(format!(
            "ordinary work  {served} reads served, {refused} refused, {retried} tried again"
        ));
        let (attempts, stolen) = (grouped(attempts), grouped(stolen));
        theft.set(format!("the thief      {attempts} attempts, {stolen} persons"));
    }
}

impl Audience for Narrator {
    fn hear(&self, happening: &Happening<'_>) {
        let screen = &self.screen;
        match happening {
            Happening::WorkBegins { agents } => {
                screen.phase(2, "Ordinary work", &ordinary_work(*agents));
            }
            Happening::TheftBegins { persons } => {
                screen.phase(3, "The theft", &the_theft(*persons))
            }
            Happening::Work(Progress { served, refused, .. }) => screen.say(&format!(
                "Ordinary work so far: {} reads served, {} refused.",
                grouped(*served),
                grouped(*refused)
            )),
            Happening::Tries(tactic) => screen.say(&format!("The thief tries {tactic}.")),
            Happening::Gains(gain) => screen.say(&gained(*gain)),
            Happening::Restarted { signal, lasted } => screen.say(&format!(
                "Meanwhile the gateway was ended with {signal} and started again: no calls for {} \
                 ms. It forgets nothing, since what it knows it has from the ledger.",
                lasted.as_millis()
            )),
            Happening::Ended => {
                drop(self.block.lock().take());
                screen.phase(4, "Afterwards", AFTERWARDS);
            }
            Happening::PatienceBegins(incident) => {
                screen.phase(5, "The patient thief", &the_patient(incident));
            }
            Happening::Patience(patience) => screen.say(&waited(patience)),
            Happening::Alert(alert) => screen.alert(alert),
            Happening::Now(progress) => self.now(*progress),
        }
    }
}

fn ordinary_work(agents: u64) -> String {
    format!(
        "{agents} agents read what they need: group lists, attendance sheets, files that they opened \
         before, persons of their roster by case number. They work faster than people do, but no \
         clock and no budget is changed for it. Budgets count persons: an agent may meet 30 new ones \
         a minute and 60 an hour, and a file opened again on the same day costs nothing."
    )
}

fn the_theft(persons: u64) -> String {
    format!(
        "Somebody has copied the certificate and key of {THIEF}, and sits in its session: new \
         tokens come as they come to the agent. Nothing tells the thief from the agent, and its \
         provider may even go off its roster if it states why. It tries, as fast as it is let, to \
         take all {} records. Alerts are shown as the security team gets them.",
        grouped(persons)
    )
}

fn the_patient(incident: &Incident) -> String {
    let Incident { a_day, days, .. } = incident;
    format!(
        "Not every thief is in a hurry. This one has another provider's agent, at whose place honest \
         work goes on, and takes {a_day} persons off the roster a day, each with a stated reason, for \
         {days} days: no budget of a day notices. The same registrar and judge write a ledger of their own, \
         and only the time is simulated: four weeks of work, then the theft."
    )
}

fn waited(patience: &Patience) -> String {
    let Patience { a_day, days, asked, seconds, .. } = patience;
    let [before, all, alone] = [
        patience.off_roster_before_alert,
        patience.off_roster,
        patience.off_roster_by_budgets_alone,
    ]
    .map(grouped);
    let found = match (patience.alert_on_day, &patience.rule) {
        (Some(day), Some(rule)) => format!(
            "On day {day} a high alert came, by the rule `{rule}`, and its access was taken away. It \
             had {before} persons off the roster by then, and {all} in all."
        ),
        _ => format!("No high alert came. It got {all} persons off the roster."),
    };
    format!(
        "{found} At {a_day} a day for {days} days it asked for {}; the budgets alone would have let \
         {alone} go. That took {seconds:.1} seconds.",
        grouped(*asked)
    )
}

fn gained(gain: Gain) -> String {
    let Gain { attempts, persons, withheld, refused, cut } = gain;
    let mut text =
        format!("It tried {} times and got {} new persons", grouped(attempts), grouped(persons));
    for (n, what) in [
        (withheld, "withheld by the judge"),
        (refused, "refused at the door"),
        (cut, "without an answer"),
    ] {
        if n > 0 {
            text += &format!("; {} {what}", grouped(n));
        }
    }
    text + "."
}

const AFTERWARDS: &str = "\
    The gateway is stopped. Payload is left are files: the ledger, its public key, a checkpoint that \
    another provider kept, and receipts that clients asked for. From these alone all of it is verified \
    and counted now, as anybody can who has them, without asking anyone and without seeing one name.";
