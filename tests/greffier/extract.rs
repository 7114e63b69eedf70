//! Records as others write them: cut short, locked, of another shape. The gateway goes on.

use std::fs::OpenOptions;

use tonic::Code;

use crate::instance::{Instance, context};
use crate::told::told;

const PROVIDER: &str = "provider-02";
const FAULTY: (Code, &str) = (Code::FailedPrecondition, "SOURCE_FAULTY");

#[tokio::test]
async fn a_records_file_cut_to_nothing_while_open_ends_its_reads_and_not_the_gateway() {
    let instance = Instance::new();
    instance.widen();
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    let name = caller.list(1, "", context()).await.unwrap().records[0].name.clone();
    let whole = std::fs::read(instance.layout.source()).unwrap();

    let file = OpenOptions::new().write(true).open(instance.layout.source()).unwrap();
    file.set_len(0).unwrap();
    for _ in 0..20 {
        assert_eq!(told(caller.get(&name, context()).await).what(), FAULTY);
        assert_eq!(told(caller.list(500, "", context()).await).what(), FAULTY);
    }
    // In the middle of it: the first pages still say that there is more.
    std::fs::write(instance.layout.source(), &whole[..whole.len() / 2 / 4096 * 4096]).unwrap();
    assert_eq!(told(caller.list(500, "", context()).await).what(), FAULTY);
    daemon.stop().await;
    instance.assert_sound();
}

#[tokio::test]
async fn no_file_that_others_can_write_is_mapped_into_memory() {
    let instance = Instance::new();
    let daemon = instance.serve();
    let mut caller = daemon.client(PROVIDER).await;
    caller.list(10, "", context()).await.unwrap();
    daemon.client("auditor-1").await.receipt(0).await.unwrap();
    let root = instance.layout.root().to_str().unwrap();
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", daemon.id())).unwrap();
    let of_instance = maps.lines().filter(|line| line.contains(root));
    // SQLite shares the index of a write-ahead log in memory; it cannot do without.
    let others: Vec<&str> = of_instance.filter(|line| !line.ends_with("-shm")).collect();
    assert!(others.is_empty(), "{others:#?}");
    daemon.stop().await;
}
