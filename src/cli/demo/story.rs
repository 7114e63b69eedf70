//! What happens, in order.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::account::{Figures, Restart};
use super::audit::audit;
use super::ordinary::{AGENTS, Office, Work};
use super::receipts;
use super::show::{Line, Screen};
use super::stage::{Ending, Gateway, Stage, settings, waited};
use super::sums;
use super::thief::{Known, Plan, Thief};
use super::watch::Watch;
use super::{Args, Failed, PROVIDERS, THIEF, VICTIM, grouped, init};
use crate::files;
use crate::format::checkpoint::VerifierKey;

/// Names and birth dates that the thief begins with.
const SAMPLE: usize = 40;

/// From nothing to the figures.
pub(super) async fn tell(args: &Args, dir: &Path, screen: &Arc<Screen>) -> Result<Figures, Failed> {
    let turn = Duration::from_millis(args.turn);
    let stage = set(args, dir, screen).await?;
    let key = key(&stage)?;
    let gateway = Gateway::start(&stage.layout).await?;
    let security = settings(&stage.layout, &gateway.address, "security-soc");
    let watch = Watch::begin(security, key.clone(), screen.clone())?;
    let office = Office::open(&stage, &gateway.address, args.seed)?;
    let mut thief = thief(args.seed, &stage, &gateway.address)?;
    let board = Board::new(screen, &office, &thief);

    screen.phase(2, "Ordinary work", &ordinary_work(office.agents));
    tokio::time::sleep(5 * turn).await;
    screen.say(&so_far(&office.work));
    screen.phase(3, "The theft", &the_theft(stage.persons));
    let plan = Plan::draw(args.seed);
    let (gateway, restart) = steal(&plan, &mut thief, gateway, turn, screen).await?;
    tokio::time::sleep(turn).await;
    screen.say(&so_far(&office.work));

    screen.phase(4, "Afterwards", AFTERWARDS);
    drop(board);
    let (work, agents) = (office.work.clone(), office.agents);
    let mut kept = office.close().await?;
    let told = watch.end().await?;
    let loot = thief.loot();
    let receipts = receipts::gather(&mut kept, (&mut thief, &loot), &key).await?;
    gateway.end(Ending::Asked).await?;
    receipts.write(&stage.layout)?;
    let (ledger, stolen) = (stage.layout.ledger(), sums::fingerprint(&stage.layout)?);
    let anchor = receipts.anchor.clone();
    let audited = waited(move || Ok(audit(&ledger, &key, &[anchor], (VICTIM, stolen))?)).await?;
    Ok(Figures {
        seed: args.seed,
        persons: stage.persons,
        ordinary: sums::ordinary(&stage, &work, agents, &kept, &audited),
        theft: sums::theft(&plan, &loot, &audited),
        restart,
        alerts: sums::alerts(&told, &audited),
        receipts: receipts.counted(),
        ledger: sums::verified(&audited),
        seconds: 0.0,
    })
}

/// Every tactic in its turn, and the restart in the middle of one of them.
async fn steal(
    plan: &Plan,
    thief: &mut Thief,
    mut gateway: Gateway,
    turn: Duration,
    screen: &Screen,
) -> Result<(Gateway, Restart), Failed> {
    let mut restart = Restart { signal: plan.ending.signal(), milliseconds: 0 };
    for (n, &tactic) in plan.tactics.iter().enumerate() {
        screen.say(&format!("The thief tries {tactic}."));
        let before = thief.loot();
        if n == plan.restart {
            let again = restarted(gateway, plan.ending, turn / 4, screen);
            let ((), again) = tokio::join!(thief.try_out(tactic, turn), again);
            let (started, lasted) = again?;
            gateway = started;
            restart.milliseconds = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX);
        } else {
            thief.try_out(tactic, turn).await;
        }
        screen.say(&thief.loot().since(&before));
    }
    Ok((gateway, restart))
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
         tokens come as they come to the agent. Nothing tells the thief from the agent, and its provider may even go off its roster if it states why. It tries, as fast as \
         it is let, to take all {} records. Alerts are shown as the security team gets them.",
        grouped(persons)
    )
}

const AFTERWARDS: &str = "\
    The gateway is stopped. What is left are files: the ledger, its public key, a checkpoint that \
    another provider kept, and receipts that clients asked for. From these alone all of it is verified \
    and counted now, as anybody can who has them, without asking anyone and without seeing one name.";

/// The first phase: everything that there is before anybody reads.
async fn set(args: &Args, dir: &Path, screen: &Screen) -> Result<Stage, Failed> {
    let stock =
        init::Stock { persons: args.rows, providers: PROVIDERS, agents: AGENTS, seed: args.seed };
    screen.phase(
        1,
        "An agency",
        &format!(
            "It holds {} records of persons, all of them invented here and now, and has assigned \
             some of them to {PROVIDERS} providers: a provider's roster. greffier stands before the \
             records; whoever reads needs a certificate, and every read is written and signed \
             before anything is given out.",
            grouped(stock.persons)
        ),
    );
    let dir = dir.to_owned();
    let stage = waited(move || Stage::make(&dir, &stock)).await?;
    let sizes = || stage.rosters.iter().map(|(_, size)| *size);
    let (assigned, least, most) = (sizes().sum(), sizes().min(), sizes().max());
    screen.say(&format!(
        "{} persons are on a roster; the rosters have from {} to {} persons.",
        grouped(assigned),
        grouped(least.unwrap_or(0)),
        grouped(most.unwrap_or(0)),
    ));
    Ok(stage)
}

/// The ledger's public key, as it is given to whoever is to check.
fn key(stage: &Stage) -> Result<VerifierKey, Failed> {
    let text = files::read_text(&stage.layout.verifier_key(), files::SMALL)?;
    text.trim().parse().map_err(Failed::gateway)
}

/// The thief, with what it knows before it begins.
fn thief(seed: u64, stage: &Stage, address: &str) -> Result<Thief, Failed> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    chance.set_stream(1_000);
    let mut sample = Vec::new();
    for _ in 0..SAMPLE {
        let number = chance.random_range(1..=stage.persons);
        sample.push(stage.person(&format!("CIR-{number:07}"))?);
    }
    let known = Known { persons: stage.persons, sample };
    Ok(Thief::new(settings(&stage.layout, address, THIEF), known, seed))
}

/// In the middle of a tactic the gateway goes, and comes again.
async fn restarted(
    gateway: Gateway,
    ending: Ending,
    after: Duration,
    screen: &Screen,
) -> Result<(Gateway, Duration), Failed> {
    tokio::time::sleep(after).await;
    let (gateway, lasted) = gateway.restart(ending).await?;
    screen.say(&format!(
        "Meanwhile the gateway was ended with {} and started again: no calls for {} ms. It forgets \
         nothing, since what it knows it has from the ledger.",
        ending.signal(),
        lasted.as_millis()
    ));
    Ok((gateway, lasted))
}

fn so_far(work: &Work) -> String {
    let count = |n: &AtomicU64| grouped(n.load(Relaxed));
    format!(
        "Ordinary work so far: {} reads served, {} refused.",
        count(&work.served),
        count(&work.refused)
    )
}

/// The block at the bottom of the terminal, kept up to date until it is dropped.
struct Board(tokio::task::JoinHandle<()>);

impl Board {
    fn new(screen: &Screen, office: &Office, thief: &Thief) -> Board {
        let lines: [Line; 2] = [screen.line(), screen.line()];
        let (work, thief) = (office.work.clone(), thief.clone());
        Board(tokio::spawn(async move {
            loop {
                let [ordinary, theft] = &lines;
                let count = |n: &AtomicU64| grouped(n.load(Relaxed));
                ordinary.set(format!(
                    "ordinary work  {} reads served, {} refused, {} tried again",
                    count(&work.served),
                    count(&work.refused),
                    count(&work.retried)
                ));
                let (attempts, persons) = thief.so_far();
                let (attempts, persons) = (grouped(attempts), grouped(persons as u64));
                theft.set(format!("the thief      {attempts} attempts, {persons} persons"));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }))
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.0.abort();
    }
}
