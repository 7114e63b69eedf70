//! One receiver's courier: a tail of its own, a spool, and the way to the receiver. Two loops share the spool:
//! one follows the ledger and puts events in, the other sends them and takes them out. A receiver that is slow or
//! away holds up its own courier and nobody else's.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::DeliveryError;
use super::dispatch::{Dispatch, OwnEvent, Sender, now};
use super::receiver::{Answer, Receiver, Trouble};
use super::settings::ReceiverFile;
use super::spool::{Spool, SpoolError, Waiting};
use crate::client::tail::{Denounced, Ended, Event, Tail, TailState};
use crate::format::checkpoint::BadNote;

/// So many events may wait for one receiver; then its courier reads no further until half of them are gone.
/// They are in the ledger, and nothing is lost.
pub(super) const WAITING_MAX: usize = 20_000;
/// Between two attempts at a receiver, at first and at most; each is shortened by up to half by chance.
const PAUSE: Duration = Duration::from_secs(1);
/// Before an event that was refused is tried again, milliseconds; others go meanwhile.
const REFUSED_PAUSE: u64 = 5_000;
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// A gateway or a receiver that is away for so long is told of.
const AWAY: Duration = Duration::from_secs(60);
/// How long what was sent to a receiver that acknowledges nothing is kept, milliseconds.
const KEPT: u64 = 60_000;
/// How long a courier may go on sending when it is stopped, and when it has found that it must end.
const STOPPING: Duration = Duration::from_secs(5);
const LAST_WORDS: Duration = Duration::from_secs(30);

/// Says a sentence to the operator.
pub(super) type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// What one courier has another one tell, and a word back when it is on disk.
pub(super) type Told = (Dispatch, oneshot::Sender<()>);

/// A courier.
pub(super) struct Courier {
    pub(super) name: String,
    pub(super) settings: ReceiverFile,
    pub(super) sender: Sender,
    pub(super) spool: RefCell<Spool>,
    /// Something has come into the spool, or it is time to end.
    pub(super) came: Notify,
    /// Something has gone out of it.
    pub(super) went: Notify,
    /// Whom the operator hears.
    pub(super) say: Say,
    /// The other couriers.
    pub(super) others: Vec<mpsc::Sender<Told>>,
}

/// How often it was tried in vain, and when it is tried again.
#[derive(Debug)]
struct Patience {
    failures: u32,
    since: Option<Instant>,
    told: bool,
}

/// Since when the gateway is gone and why, and whether that was told.
#[derive(Debug, Default)]
struct Absence {
    since: Option<(Instant, String)>,
    told: bool,
}

impl Courier {
    /// Follows and delivers until it is stopped; then what is under way is ended. `tail` begins one anew.
    ///
    /// # Errors
    /// The spool cannot be used, or the ledger is denounced.
    pub(super) async fn run(
        &self,
        tail: impl Fn(TailState) -> Result<Tail, BadNote>,
        receiver: Receiver,
        mut heard: mpsc::Receiver<Told>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), DeliveryError> {
        let ended = Cell::new(None);
        let follow = async {
            tokio::select! {
                why = self.follow(tail) => why.map(Some),
                why = self.listen(&mut heard) => why.map(|()| None),
                _ = stop.wait_for(|stop| *stop) => Ok(None),
            }
        };
        let deliver = self.deliver(receiver, &ended);
        tokio::pin!(deliver);
        let followed = tokio::select! {
            followed = follow => followed?,
            broken = &mut deliver => return broken,
        };
        let Some(denounced) = followed else {
            // Stopped: what can be sent soon is, and the rest waits on disk.
            ended.set(Some(Instant::now() + STOPPING));
            self.came.notify_one();
            return deliver.await;
        };
        // It is said to all: the others may be stopped before they find it themselves.
        let event = OwnEvent::LedgerDenounced { why: denounced.to_string() };
        self.put(&self.sender.own(&self.name, &event))?;
        self.tell(&event).await;
        ended.set(Some(Instant::now() + LAST_WORDS));
        self.came.notify_one();
        deliver.await?;
        Err(denounced.into())
    }

    /// Follows the ledger until it is denounced. Whom the gateway does not let follow asks again: it may have
    /// been a policy or a certificate that somebody mends.
    async fn follow(
        &self,
        tail: impl Fn(TailState) -> Result<Tail, BadNote>,
    ) -> Result<Denounced, DeliveryError> {
        let mut absence = Absence::default();
        loop {
            let state = self.spool.borrow().tail()?;
            match self.follow_one(tail(state)?, &mut absence).await? {
                Ended::Denounced(why) => return Ok(why),
                refused => {
                    if !std::mem::replace(&mut absence.told, true) {
                        self.own(&OwnEvent::FollowingRefused { why: refused.to_string() })?;
                    }
                    sleep(AWAY).await;
                }
            }
        }
    }

    /// Puts what the ledger tells into the spool, as long as this tail goes on.
    async fn follow_one(
        &self,
        mut tail: Tail,
        absence: &mut Absence,
    ) -> Result<Ended, DeliveryError> {
        loop {
            if self.spool.borrow().len() >= WAITING_MAX {
                while self.spool.borrow().len() > WAITING_MAX / 2 {
                    self.went.notified().await;
                }
            }
            let speak = absence.since.as_ref().filter(|_| !absence.told);
            let speak = speak.map(|(since, _)| *since + AWAY);
            let event = tokio::select! {
                event = tail.next() => event,
                () = until(speak) => {
                    let why = absence.since.as_ref().map(|(_, why)| why.clone()).unwrap_or_default();
                    absence.told = true;
                    self.own(&OwnEvent::GatewaySilent { why })?;
                    continue;
                }
            };
            let dispatch = match event {
                Ok(Event::Lost(why)) => {
                    absence.since = Some((Instant::now(), why));
                    continue;
                }
                Ok(Event::Alert(alert)) => Some(self.sender.alert(&alert)),
                Ok(Event::Warning(warning)) => Some(self.sender.warning(&warning)),
                Ok(Event::Act(act)) if self.settings.wants_acts() => Some(self.sender.act(&act)),
                Ok(Event::Act(_) | Event::Heartbeat { .. } | Event::Regained) => None,
                Err(why) => return Ok(why),
            };
            if std::mem::take(absence).told {
                self.own(&OwnEvent::GatewayBack)?;
            }
            let wanted = dispatch.filter(|dispatch| self.wants(dispatch));
            self.spool.borrow_mut().take(wanted.as_ref(), Some(tail.state()))?;
            if wanted.is_some() {
                self.came.notify_one();
            }
        }
    }

    fn wants(&self, dispatch: &Dispatch) -> bool {
        let (at_least, provider) = self.settings.wants();
        let other = |of: &String| dispatch.provider.as_ref().is_some_and(|about| about != of);
        dispatch.gravity >= at_least && !provider.is_some_and(other)
    }

    /// Puts what it has to tell itself into its own spool.
    fn own(&self, event: &OwnEvent) -> Result<(), SpoolError> {
        let dispatch = self.sender.own(&self.name, event);
        self.say(&dispatch);
        self.put(&dispatch)
    }

    fn say(&self, dispatch: &Dispatch) {
        (self.say)(dispatch.body["text"]["en"].as_str().unwrap_or_default());
    }

    fn put(&self, dispatch: &Dispatch) -> Result<(), SpoolError> {
        // What the ledger has comes again; this is said once, and not kept beyond all measure.
        if self.wants(dispatch) && self.spool.borrow().len() < WAITING_MAX {
            self.spool.borrow_mut().take(Some(dispatch), None)?;
            self.came.notify_one();
        }
        Ok(())
    }

    /// Takes in what other couriers have to tell of theirs.
    async fn listen(&self, heard: &mut mpsc::Receiver<Told>) -> Result<(), DeliveryError> {
        while let Some((dispatch, done)) = heard.recv().await {
            self.put(&dispatch)?;
            let _ = done.send(());
        }
        // There is no other.
        std::future::pending().await
    }

    /// Has the other couriers tell something; whether one of them has it on disk.
    async fn tell(&self, event: &OwnEvent) -> bool {
        let dispatch = self.sender.own(&self.name, event);
        self.say(&dispatch);
        let mut told = false;
        for other in &self.others {
            let (done, kept) = oneshot::channel();
            let asked = other.send((dispatch.clone(), done));
            let asked = async { asked.await.is_ok() && kept.await.is_ok() };
            told |= timeout(Duration::from_secs(5), asked).await.unwrap_or(false);
        }
        told
    }

    /// Sends what is in the spool, until the time to end has come.
    async fn deliver(
        &self,
        mut receiver: Receiver,
        ended: &Cell<Option<Instant>>,
    ) -> Result<(), DeliveryError> {
        let mut patience = Patience { failures: 0, since: None, told: false };
        loop {
            self.tell_parked().await?;
            let acknowledges = receiver.acknowledges();
            if !acknowledges {
                self.spool.borrow().forget_sent(now().saturating_sub(KEPT))?;
                if receiver.lost().await {
                    self.spool.borrow_mut().send_again()?;
                }
            }
            let events = self.spool.borrow().next(receiver.batch(), now())?;
            let end = ended.get();
            if end.is_some_and(|end| events.is_empty() || Instant::now() >= end) {
                return Ok(());
            }
            if events.is_empty() {
                self.wait(acknowledges).await;
                continue;
            }
            let patience_left = receiver.patience(&events);
            if end.is_none() && patience_left > Duration::ZERO {
                tokio::select! {
                    () = self.came.notified() => {}
                    () = sleep(patience_left) => {}
                }
                continue;
            }
            match receiver.send(&events).await {
                Ok(answers) => {
                    if std::mem::take(&mut patience.told) {
                        let receiver = self.name.clone();
                        self.tell(&OwnEvent::ReceiverBack { receiver }).await;
                    }
                    (patience.failures, patience.since) = (0, None);
                    self.settle(&events, &answers, acknowledges)?;
                }
                Err(trouble) => {
                    if !acknowledges {
                        self.spool.borrow_mut().send_again()?;
                    }
                    self.endure(trouble, &mut patience, ended).await?;
                }
            }
            self.went.notify_one();
        }
    }

    /// Until something may be sent again.
    async fn wait(&self, acknowledges: bool) {
        let free = self.spool.borrow().free_at(now());
        let free = free.map(|free| Duration::from_millis(free.saturating_sub(now())));
        // A connection that acknowledges nothing is looked at now and then.
        let free = if acknowledges { free } else { Some(free.unwrap_or(PAUSE).min(PAUSE)) };
        tokio::select! {
            () = self.came.notified() => {}
            () = until(free.map(|free| Instant::now() + free)) => {}
        }
    }

    fn settle(
        &self,
        events: &[Waiting],
        answers: &[Answer],
        acknowledges: bool,
    ) -> Result<(), SpoolError> {
        let mut spool = self.spool.borrow_mut();
        let mut taken = Vec::new();
        for (event, answer) in events.iter().zip(answers) {
            match answer {
                Answer::Taken => taken.push(event.clone()),
                Answer::Refused(why) => {
                    spool.refused(event, why, now() + REFUSED_PAUSE)?;
                }
            }
        }
        if acknowledges { spool.delivered(&taken) } else { spool.sent(&taken, now()) }
    }

    /// Tells others what was kept apart.
    async fn tell_parked(&self) -> Result<(), SpoolError> {
        let untold = self.spool.borrow().untold()?;
        for (number, id, why) in untold {
            let receiver = self.name.clone();
            let told = self.tell(&OwnEvent::EventParked { receiver, id, why }).await;
            if told || self.others.is_empty() {
                self.spool.borrow().told(number)?;
            }
        }
        Ok(())
    }

    /// The receiver takes nothing now: waits longer each time, and says so when that lasts.
    async fn endure(
        &self,
        trouble: Trouble,
        patience: &mut Patience,
        ended: &Cell<Option<Instant>>,
    ) -> Result<(), DeliveryError> {
        let receiver = self.name.clone();
        let (why, wait) = match trouble {
            Trouble::Gone(why) => {
                self.tell(&OwnEvent::ReceiverGone { receiver, why }).await;
                // Only who starts this again asks it again.
                while ended.get().is_none() {
                    self.came.notified().await;
                }
                return Ok(());
            }
            Trouble::Unreachable { why, wait } => (why, wait),
        };
        if patience.since.is_none() {
            (self.say)(&format!("{receiver} takes nothing for now ({why}); trying again"));
        }
        let since = *patience.since.get_or_insert_with(Instant::now);
        if !patience.told && since.elapsed() >= AWAY {
            patience.told = true;
            self.tell(&OwnEvent::ReceiverUnreachable { receiver, why }).await;
        }
        let pause = PAUSE.saturating_mul(1 << patience.failures.min(15)).min(PAUSE_MAX);
        let pause = pause.mul_f64(rand::random_range(0.5..=1.0)).max(wait.unwrap_or_default());
        patience.failures += 1;
        let again = Instant::now() + pause;
        loop {
            let end = ended.get();
            if end.is_some_and(|end| end <= again) {
                // It waits on disk.
                ended.set(Some(Instant::now()));
                return Ok(());
            }
            tokio::select! {
                () = sleep_until(again) => return Ok(()),
                () = self.came.notified() => {}
            }
        }
    }
}

/// Until then; for ever, if there is no such time.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
