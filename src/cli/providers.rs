//! `greffier providers`: how each provider stands now.

use std::process::ExitCode;

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::call::{Who, block_on};
use super::table::Table;
use super::{grouped, print};
use crate::client::Client;
use crate::proto::{ListProvidersRequest, Provider};

/// List the providers of the policy and how each stands now
///
/// Which providers are suspended, kept to their roster or without exports, and how
/// many agents of each are suspended, frozen or enrolled. It is for administrators;
/// `greffier alerts` tells how it came to that.
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
        Ok(providers) => print(table(&providers).to_string().trim_end()),
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
    })
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
}
