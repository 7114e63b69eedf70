//! A stolen credential: ordinary work, a thief in the middle of it, a restart in the middle of the theft,
//! and afterwards the account.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::account::{Figures, Restart};
use super::audit::audit;
use super::ordinary::{Office, Work};
use super::patience;
use super::receipts;
use super::stage::{Ending, Gateway, Stage, settings, waited};
use super::sums;
use super::thief::{Plan, Thief, ThiefKnowledge};
use super::watch::Watch;
use super::{Audience, DrillError, Happening, Progress, THIEF, VICTIM};
use crate::files;
use crate::format::checkpoint::VerifierKey;
use crate::instance::Made;

/// Names and birth dates that the thief begins with.
const SAMPLE: usize = 40;

/// The instance, and what decides what happens on it.
pub(crate) struct Drill {
    /// As `init` made it, for twelve providers with [`super::AGENTS`] each.
    pub(crate) made: Made,
    /// Persons in its records.
    pub(crate) persons: u64,
    /// Decides what the agents do, and the order in which the thief tries its ways.
    pub(crate) seed: u64,
    /// For each way of the thief; five times that for the work before it, once after it.
    pub(crate) turn: Duration,
}

/// From the first read to the figures.
pub(crate) async fn run(drill: Drill, audience: &Arc<dyn Audience>) -> Result<Figures, DrillError> {
    let Drill { made, persons, seed, turn } = drill;
    let stage = Stage::of(made, persons);
    let key = key(&stage)?;
    let gateway = Gateway::start(&stage.layout).await?;
    let security = settings(&stage.layout, &gateway.address, "security-soc");
    let watch = Watch::begin(security, key.clone(), audience.clone())?;
    let office = Office::open(&stage, &gateway.address, seed, &HashSet::from([THIEF]))?;
    let mut thief = thief(seed, &stage, &gateway.address)?;
    let meter = Meter::new(audience, &office, &thief);

    audience.hear(&Happening::WorkBegins { agents: office.agents });
    tokio::time::sleep(5 * turn).await;
    audience.hear(&Happening::Work(progress(&office.work, &thief)));
    audience.hear(&Happening::TheftBegins { persons });
    let plan = Plan::draw(seed);
    let (gateway, restart) = steal(&plan, &mut thief, gateway, turn, &**audience).await?;
    tokio::time::sleep(turn).await;
    audience.hear(&Happening::Work(progress(&office.work, &thief)));

    drop(meter);
    audience.hear(&Happening::Ended);
    let (work, agents) = (office.work.clone(), office.agents);
    let mut kept = office.close().await?;
    let told = watch.end().await?;
    let loot = thief.loot();
    let receipts = receipts::gather(&mut kept, (&mut thief, &loot), &key).await?;
    gateway.end(Ending::Asked).await?;
    receipts.write(&stage.layout)?;
    let (ledger, stolen) = (stage.layout.ledger(), sums::fingerprint(&stage.layout, THIEF)?);
    let anchor = receipts.anchor.clone();
    let audited = waited(move || Ok(audit(&ledger, &key, &[anchor], (VICTIM, stolen))?)).await?;
    audience.hear(&Happening::PatienceBegins(patience::incident()));
    let patience = waited(move || patience::play(seed)).await?;
    audience.hear(&Happening::Patience(&patience));
    Ok(Figures {
        seed,
        persons,
        ordinary: sums::ordinary(&stage, &work, agents, &kept, &audited),
        theft: sums::theft(&plan, &loot, &audited),
        restart,
        alerts: sums::alerts(&told, &audited),
        receipts: receipts.counted(),
        ledger: sums::verified(&audited),
        patience,
        seconds: 0.0,
    })
}

/// Every tactic in its turn, and the restart in the middle of one of them.
async fn steal(
    plan: &Plan,
    thief: &mut Thief,
    mut gateway: Gateway,
    turn: Duration,
    audience: &dyn Audience,
) -> Result<(Gateway, Restart), DrillError> {
    let mut restart = Restart { signal: plan.ending.signal(), milliseconds: 0 };
    for (n, &tactic) in plan.tactics.iter().enumerate() {
        audience.hear(&Happening::Tries(tactic));
        let before = thief.loot();
        if n == plan.restart {
            let again = restarted(gateway, plan.ending, turn / 4, audience);
            let ((), again) = tokio::join!(thief.try_out(tactic, turn), again);
            let (started, lasted) = again?;
            gateway = started;
            restart.milliseconds = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX);
        } else {
            thief.try_out(tactic, turn).await;
        }
        audience.hear(&Happening::Gains(thief.loot().since(&before)));
    }
    Ok((gateway, restart))
}

/// The ledger's public key, as it is given to whoever is to check.
pub(super) fn key(stage: &Stage) -> Result<VerifierKey, DrillError> {
    let text = files::read_text(&stage.layout.verifier_key(), files::SMALL)?;
    text.trim().parse().map_err(DrillError::gateway)
}

/// The thief, with what it knows before it begins.
fn thief(seed: u64, stage: &Stage, address: &str) -> Result<Thief, DrillError> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    chance.set_stream(1_000);
    let mut sample = Vec::new();
    for _ in 0..SAMPLE {
        let number = chance.random_range(1..=stage.persons);
        sample.push(stage.person(&format!("CIR-{number:07}"))?);
    }
    let known = ThiefKnowledge { persons: stage.persons, sample };
    Ok(Thief::new(settings(&stage.layout, address, THIEF), known, seed))
}

/// In the middle of a tactic the gateway goes, and comes again.
async fn restarted(
    gateway: Gateway,
    ending: Ending,
    after: Duration,
    audience: &dyn Audience,
) -> Result<(Gateway, Duration), DrillError> {
    tokio::time::sleep(after).await;
    let (gateway, lasted) = gateway.restart(ending).await?;
    audience.hear(&Happening::Restarted { signal: ending.signal(), lasted });
    Ok((gateway, lasted))
}

fn progress(work: &Work, thief: &Thief) -> Progress {
    let (attempts, stolen) = thief.so_far();
    Progress {
        served: work.served.load(Relaxed),
        refused: work.refused.load(Relaxed),
        retried: work.retried.load(Relaxed),
        attempts,
        stolen: stolen as u64,
    }
}

/// Tells how far everybody is, until it is dropped.
struct Meter(tokio::task::JoinHandle<()>);

impl Meter {
    fn new(audience: &Arc<dyn Audience>, office: &Office, thief: &Thief) -> Meter {
        let (audience, work, thief) = (audience.clone(), office.work.clone(), thief.clone());
        Meter(tokio::spawn(async move {
            loop {
                audience.hear(&Happening::Now(progress(&work, &thief)));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.0.abort();
    }
}
