//! The files of an instance that people read and change: `config.toml`, `policy.toml` and
//! `README.txt`. The texts lie beside this file, with `@name@` where a value goes; that of the
//! policy is the annotated example.

use toml_edit::{Array, DocumentMut, value};

use super::budgets::Base;
use super::layout::{
    AGENTS_JWKS, CA, HANDLE_KEY, HIGH_WATER, LEDGER, POLICY, SERVER_CERTIFICATE, SERVER_KEY,
    SIGNING_KEY, SOURCE, TAG_KEY,
};
use super::pki::STAFF;
use super::{
    AGENT_AUDIENCE, AGENT_ISSUER, InstanceError, LEDGER_NAME, Made, Plan, Site, TOKEN_LIFETIME_MAX,
    TRUST_DOMAIN, write_public,
};
use crate::format::entry::Budgets;

/// Writes the configuration, the policy and the README of a development instance.
pub(super) fn write(made: &Made, plan: &Plan) -> Result<(), InstanceError> {
    write_public(&made.layout.config(), &config(plan))?;
    write_public(&made.layout.policy(), &policy(made))?;
    write_public(&made.layout.readme(), &readme(made, plan))
}

/// The lines of the template that make an instance say that it is for development.
const DEVELOPMENT: &str =
    "# The keys of everybody lie in one folder: say so at every start.\ndevelopment = true\n";

fn config(plan: &Plan) -> String {
    filled(include_str!("config.toml"), LEDGER_NAME, TRUST_DOMAIN, &plan.listen)
}

/// The text of `config.toml` for an instance for production.
pub(super) fn site(site: &Site) -> String {
    let template = include_str!("config.toml").replace(DEVELOPMENT, "");
    filled(&template, &site.name, &site.trust_domain, &site.listen)
}

fn filled(template: &str, name: &str, trust_domain: &str, listen: &str) -> String {
    fill(
        template,
        &[
            ("name", name),
            ("trust_domain", trust_domain),
            ("listen", listen),
            ("policy", POLICY),
            ("server_certificate", SERVER_CERTIFICATE),
            ("server_key", SERVER_KEY),
            ("ca", CA),
            ("ledger", LEDGER),
            ("signing_key", SIGNING_KEY),
            ("tag_key", TAG_KEY),
            ("high_water", HIGH_WATER),
            ("source", SOURCE),
            ("handle_key", HANDLE_KEY),
        ],
    )
}

fn readme(made: &Made, plan: &Plan) -> String {
    let last = made.rosters.last().map_or("", |(provider, _)| provider);
    let (persons, seed) = (plan.persons.to_string(), plan.seed.to_string());
    fill(include_str!("README.txt"), &[("persons", &persons), ("seed", &seed), ("last", last)])
}

/// The policy: the annotated example, with the staff and the issuer of this instance, and a section
/// for each provider, of which the first may go off its roster.
fn policy(made: &Made) -> String {
    let mut text = example().to_string();
    text.push_str(include_str!("providers.toml"));
    for (n, (provider, roster)) in made.rosters.iter().enumerate() {
        let scope = if n == 0 { "open" } else { "roster" };
        text.push_str(&section(provider, scope, Base::of_roster(*roster)));
    }
    text
}

/// What is the same in every instance.
pub(super) fn example() -> DocumentMut {
    let text = include_str!("../../config/policy.toml");
    let mut policy: DocumentMut = text.parse().expect("a test parses the example");
    for (role, _) in STAFF {
        let ids = STAFF.iter().filter(|of| of.0 == role).map(|(_, id)| *id);
        policy["staff"][role] = value(Array::from_iter(ids));
    }
    // The tour has case references of any form.
    policy["dataset"]["cir"]["purposes"]["exam_registration"] =
        value(Array::from_iter(["BASIC", "FULL"]));
    let issuers = policy["issuer"].as_table_mut().expect("the example has an issuer");
    let mut issuer = issuers.remove("agency-login").expect("the example has this one");
    issuer["url"] = value(AGENT_ISSUER);
    issuer["audience"] = value(AGENT_AUDIENCE);
    issuer["keys"] = value(AGENTS_JWKS);
    issuer["algorithms"] = value(Array::from_iter(["EdDSA"]));
    issuer["max_lifetime_seconds"] = value(TOKEN_LIFETIME_MAX.as_secs().cast_signed());
    issuers.insert("development", issuer);
    policy.remove("provider");
    policy
}

/// The section of the policy for one provider.
fn section(provider: &str, scope: &str, base: Base) -> String {
    let Base { roster, agents, day } = base;
    let Budgets {
        agent_minute,
        agent_hour,
        agent_day,
        provider_day,
        provider_30_days,
        off_roster_day,
        off_roster_30_days,
    } = base.budgets();
    format!(
        r#"
[provider.{provider}]
requests_per_second = 50
burst = 100

[provider.{provider}.agent]
issuer = "development"
requests_per_second = 20
burst = 40

[provider.{provider}.dataset.cir]
scope = "{scope}"
purposes = [
  "course_delivery", "placement_test", "civic_training", "exam_registration", "attendance_report",
]

# From a roster of {roster}: {agents} agents, base {day}.
[provider.{provider}.budgets]
agent_minute = {agent_minute}
agent_hour = {agent_hour}
agent_day = {agent_day}
provider_day = {provider_day}
provider_30_days = {provider_30_days}
off_roster_day = {off_roster_day}
off_roster_30_days = {off_roster_30_days}
"#
    )
}

/// Puts each value where its name stands.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
}
