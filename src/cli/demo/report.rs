//! The end of it: a table of figures, what is claimed of them, and how to check by hand.

use std::path::Path;

use super::grouped;
use super::show::Screen;
use crate::cli::table::Table;
use crate::drill::VICTIM;
use crate::drill::account::{Figures, OFF_ROSTER_MOST, PATIENT_MOST, PERSONS_MOST, Patience};

pub(super) fn show(screen: &Screen, figures: &Figures, kept: Option<&Path>) {
    screen.phase(
        6,
        "The answer",
        "How many persons was it? An agency must tell each of them, and the public: this is the \
         number that nobody could give.",
    );
    screen.lines(&table(figures).to_string());
    for claim in figures.claims() {
        screen.claim(claim.holds, &claim.says);
    }
    screen.lines(&format!("\n   {:.0} seconds in all.", figures.seconds));
    match kept {
        Some(dir) => screen.lines(&by_hand(dir, figures)),
        None => {
            screen.say("With --keep DIR everything stays, with the commands to check it by hand.")
        }
    }
}

fn table(figures: &Figures) -> Table {
    let Figures { ordinary, theft, ledger, patience, .. } = figures;
    let mut table = Table::new(1, &[]);
    let mut row = |what: &str, n: String| table.row([format!(" {what}"), n]);
    row("persons in the stock", grouped(figures.persons));
    row(&format!("disclosed to the thief (at most {PERSONS_MOST})"), grouped(theft.persons));
    row(
        &format!("  of them off the roster (at most {OFF_ROSTER_MOST})"),
        grouped(theft.off_roster),
    );
    row("  counted in the replies that it got", grouped(theft.persons_in_replies));
    row("  counted by `greffier exposure`", grouped(theft.exposure_persons));
    for cut in &theft.cut {
        let what = format!("  reply cut off: entry {}, persons", cut.entry);
        row(&what, grouped(cut.persons));
    }
    row("its attempts", grouped(theft.attempts));
    row("  withheld by the judge (entries)", grouped(theft.withheld));
    row("  refused at the door", grouped(theft.at_the_door));
    if let Some(contained) = theft.contained {
        row("entries from its first read to its containment", grouped(contained.entries));
        row("  milliseconds", grouped(contained.milliseconds));
    }
    let Patience { a_day, days, .. } = patience;
    let what = format!("a thief of {a_day} a day, before a high alert (at most {PATIENT_MOST})");
    row(&what, grouped(patience.off_roster_before_alert));
    row(&format!("  in {days} simulated days"), grouped(patience.off_roster));
    row("  by budgets alone", grouped(patience.off_roster_by_budgets_alone));
    row("ordinary reads served", grouped(ordinary.served));
    row("  refused", grouped(ordinary.refused));
    row("  tried again while the gateway restarted", grouped(ordinary.retried));
    row("  most persons that one agent met", grouped(ordinary.most_met));
    row("receipts that hold", format!("{} of {}", figures.receipts.proven, figures.receipts.asked));
    row("entries verified", grouped(ledger.entries));
    let rate = ledger.entries as f64 / ledger.seconds.max(0.001);
    row("  a second, with every signature and ruling", grouped(rate as u64));
    table
}

/// The commands that come to the same.
fn by_hand(dir: &Path, figures: &Figures) -> String {
    let (dir, agent) = (dir.display(), &figures.theft.agent);
    let tags = |list: &str| {
        format!(
            "SELECT value FROM entries, json_each(body, '$.{list}')\n        \
             WHERE json_extract(body, '$.kind') = 'read' AND json_extract(body, '$.agent') = '{agent}'"
        )
    };
    let (on, off) = (tags("on"), tags("off"));
    format!(
        "\n   Check by hand; the thief is agent {agent}:\n\n   \
         greffier verify {dir}/ledger.sqlite --key {dir}/key.vkey --anchor {dir}/anchor.txt \\\n     \
         --all-signatures --replay\n   \
         greffier exposure {dir}/ledger.sqlite --key {dir}/key.vkey --provider {VICTIM}\n   \
         greffier receipt {dir}/receipt.txt --key {dir}/key.vkey\n   \
         sqlite3 -readonly {dir}/ledger.sqlite \"SELECT count(*) FROM (\n        \
         {on}\n      UNION\n        {off})\"\n   \
         sqlite3 -readonly {dir}/ledger.sqlite 'SELECT * FROM alerts'\n\n   \
         The gateway again: greffier serve --config {dir}/config.toml"
    )
}
