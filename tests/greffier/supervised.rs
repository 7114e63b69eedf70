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
use crate::instance::{Caller, Instance, PROGRAM, context};
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

/// As systemd would be, with `Type=notify` and `WatchdogSec=`.
#[tokio::test]
async fn whoever_supervises_it_is_told_that_it_is_ready_alive_and_stopping() {
    let instance = Instance::new();
    let path = instance.layout.root().join("notify");
    let socket = tokio::net::UnixDatagram::bind(&path).expect("a socket");
    let mut program = std::process::Command::new(PROGRAM);
    program.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000");
    let daemon = instance.serve_by(program).expect("a daemon");
    let mut told = [0; 64];
    let mut until = async |text: &str| {
        let heard = async {
            loop {
                let len = socket.recv(&mut told).await.expect("a word");
                if told[..len].trim_ascii() == text.as_bytes() {
                    return;
                }
            }
        };
        let heard = tokio::time::timeout(std::time::Duration::from_secs(60), heard).await;
        heard.unwrap_or_else(|_| panic!("never told {text}"));
    };
    until("READY=1").await;
    until("WATCHDOG=1").await;
    until("WATCHDOG=1").await;
    daemon.terminate();
    until("STOPPING=1").await;
    assert!(daemon.ended().await.success());
}

#[test]
fn pages_and_completions_of_every_command_are_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = || std::process::Command::new(PROGRAM);
    let man = program().arg("man").arg(folder.path()).output().expect("the program starts");
    assert!(man.status.success(), "{man:?}");
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("a page");
    assert!(page("greffier.1").contains("greffier"));
    assert!(page("greffier-deliver.1").contains("deliver"));
    let text = program().args(["completions", "bash"]).output().expect("the program starts");
    assert!(String::from_utf8_lossy(&text.stdout).contains("_greffier()"));
    let nowhere = program().args(["man", "/dev/null/x"]).output().expect("the program starts");
    assert_eq!(nowhere.status.code(), Some(2));
}
