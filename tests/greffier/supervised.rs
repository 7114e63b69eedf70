//! What the gateway cannot do without, when it dies: nothing goes on as if it were there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use greffier::anomaly::AnomalyJudge;
use greffier::client::Client;
use greffier::service::ServeError;
use greffier::service::tasks::Tasks;
use tokio::sync::Notify;

use crate::answers::Faulty;
use crate::health::Health;
use crate::instance::{Caller, Instance, context};
use crate::slow::Gateway;
use crate::told::told;

const PROVIDER: &str = "provider-02";

async fn caller(gateway: &Gateway) -> Caller {
    Caller(Client::connect(&gateway.settings(PROVIDER)).await.expect("a connection"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_dies_again_and_again_ends_the_gateway_in_order_and_health_says_so() {
    let instance = Instance::new();
    let (die, begun) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
    let mut tasks = Tasks::default();
    let (told_to, count) = (die.clone(), begun.clone());
    tasks.run("mortal", move || {
        let told_to = told_to.clone();
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            told_to.notified().await;
            panic!("a task that dies, as this test wants it to")
        }
    });
    let gateway = Gateway::start_with(&instance, Box::new(AnomalyJudge::fresh), tasks).await;
    let mut health = Health::watch(&gateway.settings(PROVIDER)).await;
    health.until_serving().await;
    die.notify_one();
    while begun.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    // Once is no reason to end.
    caller(&gateway).await.list(1, "", context()).await.expect("a page");
    die.notify_one();
    health.until_not_serving().await;
    let ended = gateway.ended.await.expect("the server does not panic");
    assert!(matches!(ended, Err(ServeError::Task("mortal"))), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registrar_that_dies_ends_the_gateway_in_order_and_releases_nothing() {
    let instance = Instance::new();
    let gateway = Gateway::start_with(&instance, Faulty::factory(), Tasks::default()).await;
    let mut health = Health::watch(&gateway.settings(PROVIDER)).await;
    health.until_serving().await;
    let refused = told(caller(&gateway).await.list(1, "", context()).await);
    assert_eq!(refused.reason, "INTERNAL");
    health.until_not_serving().await;
    let ended = gateway.ended.await.expect("the server does not panic");
    let Err(ServeError::Ledger(why)) = ended else { panic!("{ended:?}") };
    assert!(why.contains("`registrar` died"), "{why}");
}
