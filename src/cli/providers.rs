//! `greffier providers`: how each provider stands now.

use std::process::ExitCode;

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::call::{Who, block_on};
use super::table::Table;
use super::{grouped, print};
use crate::client::Client;
use crate::proto::{Contract, ListProvidersRequest, Provider};

/// List the providers of the policy and how each stands now
///
/// Which providers are suspended, kept to their roster or without exports, and how
/// many agents of each are suspended, frozen or enrolled; of each that has a
/// contract, how many persons it was ever given of at most how many, and when it
/// ends. It is for administrators; `greffier alerts` tells how it came to that.
///
/// Example, on an instance of `greffier init --dev here`:
///   greffier providers --instance here
///
/// Exit codes: 0 done, 1 refused, 2 not reached.
#[derive(ClapArgs, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    #[command(flatten)]
    who: Who,
    /// Print JSON, one object a line, with the tags of agents who are contained
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let listed = args.who.settings("admin-1").and_then(|settings| {
        block_on(async {
            let mut client = Client::connect(&settings).await?;
            let reply = client.admin.list_providers(ListProvidersRequest {}).await?;
            Ok(reply.into_inner().providers)
        })
    });
    match listed {
        Ok(providers) if args.json => providers.iter().map(object).for_each(print),
        Ok(providers) => print(in_words(&providers)),
        Err(error) => return error.told(args.json),
    }
    ExitCode::SUCCESS
}

fn object(provider: &Provider) -> Value {
    json!({
        "provider": provider.id,
        "suspended": provider.suspended,
        "roster_only": provider.roster_only,
        "exports_closed": provider.exports_closed,
        "suspended_agents": provider.suspended_agents,
        "frozen_agents": provider.frozen_agents,
        "enrolled_agents": provider.enrolled_agents,
        "contract": provider.contract.as_ref().map(contract_as_json),
    })
}

/// With the keys of `greffier statement --json`, and how long it lasts yet.
fn contract_as_json(contract: &Contract) -> Value {
    json!({
        "begins": contract.begins_unix_ms,
        "ends": contract.ends_unix_ms,
        "last_day": contract.last_day,
        "days_left": contract.days_left,
        "persons": contract.persons,
        "off_persons": contract.off_roster_persons,
        "used_persons": contract.used_persons,
        "used_off_persons": contract.used_off_roster_persons,
    })
}

/// A table of them all, and a line for each that has a contract.
fn in_words(providers: &[Provider]) -> String {
    let contracts = providers.iter().filter_map(|one| Some((&*one.id, one.contract.as_ref()?)));
    let mut text = table(providers).to_string();
    for (n, (id, contract)) in contracts.enumerate() {
        text += &format!("{}  {id} {}\n", if n == 0 { "\n" } else { "" }, under(contract));
    }
    text.truncate(text.trim_end().len());
    text
}

/// What a provider was given under its contract, as the rest of a sentence.
fn under(contract: &Contract) -> String {
    let Contract { last_day, days_left, .. } = contract;
    let [used, most, off, most_off] = [
        contract.used_persons,
        contract.persons,
        contract.used_off_roster_persons,
        contract.off_roster_persons,
    ]
    .map(grouped);
    let left = match days_left {
        1 => "1 day left".to_owned(),
        days => format!("{} days left", grouped(*days)),
    };
    format!(
        "has seen {used} persons, at most {most} under this contract; {off} of {most_off} off the \
         roster; until {last_day}, {left}"
    )
}

fn table(providers: &[Provider]) -> Table {
    let headings = ["provider", "stands", "agents suspended", "frozen", "enrolled"];
    let mut table = Table::new(2, &headings);
    for provider in providers {
        let agents = [provider.suspended_agents.len() as u64, provider.frozen_agents.len() as u64];
        let agents = agents.into_iter().chain([provider.enrolled_agents]).map(grouped);
        table.row([provider.id.clone(), stands(provider)].into_iter().chain(agents));
    }
    table
}

fn stands(provider: &Provider) -> String {
    let held = [
        (provider.suspended, "suspended"),
        (provider.roster_only, "kept to its roster"),
        (provider.exports_closed, "no exports"),
    ];
    let held: Vec<_> = held.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect();
    if held.is_empty() { "open".to_owned() } else { held.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_stands_open_unless_something_is_closed() {
        let provider = Provider { id: "alpha".to_owned(), ..Provider::default() };
        assert_eq!(stands(&provider), "open");
        let held = Provider { suspended: true, exports_closed: true, ..provider };
        assert_eq!(stands(&held), "suspended, no exports");
    }

    #[test]
    fn whoever_has_a_contract_has_a_line_of_its_own() {
        let contract = Contract {
            last_day: "2026-12-31".to_owned(),
            days_left: 34,
            persons: 4_000,
            off_roster_persons: 60,
            used_persons: 3_112,
            used_off_roster_persons: 12,
            ..Contract::default()
        };
        let alpha = Provider { id: "alpha".to_owned(), ..Provider::default() };
        let beta = Provider { id: "beta".to_owned(), contract: Some(contract), ..alpha.clone() };
        let text = in_words(&[alpha, beta]);
        let lines: Vec<&str> = text.lines().skip(3).collect();
        let line = "  beta has seen 3,112 persons, at most 4,000 under this contract; 12 of 60 off \
                    the roster; until 2026-12-31, 34 days left";
        assert_eq!(lines, ["", line], "{text}");
    }
}
