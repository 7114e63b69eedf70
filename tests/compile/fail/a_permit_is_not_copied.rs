use greffier::admission::Permit;
use greffier::quota::{Quota, Ticket};

fn twice(quota: &Quota, permit: Permit) -> (Option<Ticket>, Option<Ticket>) {
    (quota.take(permit.clone()).ok(), quota.take(permit).ok())
}

fn main() {
    let _ = twice;
}
