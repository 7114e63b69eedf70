//! An independent count of a ledger, from the JSON of its entries: whom each provider and agent was
//! given, what each budget had left, and who was suspended. It shares no code with the registrar.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

const MINUTE: i128 = 60_000;
const DAY: i128 = 1_440 * MINUTE;

/// Of an agent: the name of each budget, its span, and which count is charged to it.
const AGENT: [(&str, i128); 3] =
    [("agent_minute", MINUTE), ("agent_hour", 60 * MINUTE), ("agent_day", DAY)];
/// The same of a provider, with whether it counts those off the roster.
const PROVIDER: [(&str, i128, &str, bool); 4] = [
    ("provider_day", DAY, "provider_day", false),
    ("provider_30_days", 30 * DAY, "provider_30_days", false),
    ("off_roster_day", DAY, "provider_day", true),
    ("off_roster_30_days", 30 * DAY, "provider_30_days", true),
];

/// Persons times milliseconds that are left, and when that was so.
#[derive(Clone, Copy)]
struct Left(i128, i128);

/// A release: to which agent and on which day; none if it was exported.
type Given = (Option<String>, i128);

#[derive(Default)]
struct Provider {
    sizes: BTreeMap<String, i128>,
    left: HashMap<String, Left>,
    agents: HashMap<String, HashMap<String, Left>>,
    given: HashMap<String, Vec<Given>>,
}

/// The count so far.
#[derive(Default)]
pub(crate) struct Count {
    providers: BTreeMap<String, Provider>,
    coming: BTreeMap<String, BTreeMap<String, i128>>,
    suspended: HashSet<(String, Option<String>)>,
    /// Rows left under each job.
    jobs: HashMap<i128, i128>,
    pub(crate) released: u64,
    pub(crate) withheld: u64,
    pub(crate) alerts: u64,
    pub(crate) policies: u64,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> i128 {
    value.as_u64().map_or(0, i128::from)
}

impl Count {
    /// Counts the next entry, and holds it to the count so far.
    pub(crate) fn take(&mut self, body: &str) {
        let entry: Value = serde_json::from_str(body).expect("JSON");
        let tick = number(&entry["tick"]);
        match entry["kind"].as_str().expect("a kind") {
            "read" => self.read(&entry, tick),
            "policy" => self.policy(&entry["section"], tick),
            "alert" => self.alerts += 1,
            "act" => self.act(&entry),
            _ => {}
        }
    }

    fn policy(&mut self, section: &Value, tick: i128) {
        if let Some(rules) = section.get("provider") {
            let budgets = rules["budgets"].as_object().expect("budgets");
            let sizes = budgets.iter().map(|(name, size)| (name.clone(), number(size)));
            self.coming.insert(text(&rules["provider"]), sizes.collect());
        }
        if section.get("head").is_none() {
            return;
        }
        self.policies += 1;
        for (id, sizes) in std::mem::take(&mut self.coming) {
            let provider = self.providers.entry(id).or_default();
            let Provider { sizes: before, left, agents, .. } = provider;
            let spans = AGENT.iter().map(|(name, span)| (*name, *span));
            let spans: HashMap<&str, i128> =
                spans.chain(PROVIDER.iter().map(|(name, span, ..)| (*name, *span))).collect();
            for levels in agents.values_mut().chain([left]) {
                for (name, level) in levels.iter_mut() {
                    let span = spans[&**name];
                    refill(level, before[name], span, tick);
                    level.0 = level.0.min(sizes[name] * span);
                }
            }
            provider.sizes = sizes;
        }
    }

    fn act(&mut self, act: &Value) {
        let of = (text(&act["provider"]), act.get("agent").map(text));
        match act["deed"].as_str().expect("a deed") {
            "suspend" => drop(self.suspended.insert(of)),
            "reinstate" => drop(self.suspended.remove(&of)),
            "declare_job" => {
                self.jobs.insert(number(&act["seq"]), number(&act["job"]["rows"]));
            }
            _ => {}
        }
    }

    fn read(&mut self, read: &Value, tick: i128) {
        if read["ruling"]["outcome"] == "withheld" {
            self.withheld += 1;
            return;
        }
        self.released += 1;
        let (id, agent) = (text(&read["provider"]), text(&read["agent"]));
        let today = number(&read["at"]).div_euclid(DAY);
        let whom = (id.clone(), Some(agent.clone()));
        let suspended =
            self.suspended.contains(&whom) || self.suspended.contains(&(id.clone(), None));
        assert!(!suspended, "released to somebody who was suspended: {read}");
        let provider = self.providers.get_mut(&id).expect("a provider of the policy");
        let tags = |list: &str| -> Vec<String> {
            read.get(list).and_then(Value::as_array).into_iter().flatten().map(text).collect()
        };
        let (on, off) = (tags("on"), tags("off"));
        let mut new: BTreeMap<(bool, &str), i128> = BTreeMap::new();
        for (tag, is_off) in on.iter().map(|t| (t, false)).chain(off.iter().map(|t| (t, true))) {
            let given = provider.given.get(tag).map_or(&[][..], Vec::as_slice);
            let today_to = |to: &Given| to.1 == today && to.0.as_deref() == Some(&agent);
            let counts = [
                ("agent_day", !given.iter().any(today_to)),
                ("provider_day", !given.iter().any(|(_, day)| *day == today)),
                ("provider_30_days", !given.iter().any(|(_, day)| *day > today - 30)),
                ("never", given.is_empty()),
            ];
            for (name, counts) in counts {
                let one = i128::from(counts);
                *new.entry((false, name)).or_default() += one;
                *new.entry((true, name)).or_default() += if is_off { one } else { 0 };
            }
        }
        for ((is_off, name), n) in &new {
            let said = number(&read["facts"][if *is_off { "off" } else { "all" }][name]);
            assert_eq!(said, *n, "{name}, off the roster {is_off}: {read}");
        }
        let Provider { sizes, left, agents, given, .. } = provider;
        if let Some(job) = read.get("job").map(number) {
            // What goes out under a job is charged to the job.
            let rows = self.jobs.get_mut(&job).expect("a job that was declared");
            *rows -= number(&read["rows"]);
            assert!(*rows >= 0, "more rows than the job has: {read}");
            for tag in on.into_iter().chain(off) {
                given.entry(tag).or_default().push((None, today));
            }
            return;
        }
        let count = |is_off, name| new.get(&(is_off, name)).copied().unwrap_or(0);
        let levels = agents.entry(agent.clone()).or_default();
        for (name, span) in AGENT {
            take(levels, sizes, (name, span), tick, count(false, "agent_day"));
        }
        for (name, span, of, is_off) in PROVIDER {
            take(left, sizes, (name, span), tick, count(is_off, of));
        }
        for tag in on.into_iter().chain(off) {
            given.entry(tag).or_default().push((Some(agent.clone()), today));
        }
    }
}

fn refill(level: &mut Left, size: i128, span: i128, tick: i128) {
    level.0 = (level.0 + (tick - level.1) * size).min(size * span);
    level.1 = tick;
}

fn take(
    levels: &mut HashMap<String, Left>,
    sizes: &BTreeMap<String, i128>,
    (name, span): (&str, i128),
    tick: i128,
    persons: i128,
) {
    let size = sizes.get(name).copied().unwrap_or(0);
    let level = levels.entry(name.to_owned()).or_insert(Left(size * span, tick));
    refill(level, size, span, tick);
    level.0 -= persons * span;
    assert!(level.0 >= 0, "{name} is exceeded by {persons} persons at tick {tick}");
}
