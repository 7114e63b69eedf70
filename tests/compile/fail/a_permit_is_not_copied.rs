use greffier::admission::Permit;
use greffier::quota::{CallCharge, Quota, Ticket};

fn twice(quota: &Quota, permit: Permit) -> (Option<Ticket>, Option<Ticket>) {
    let fare = &mut CallCharge::default();
    (quota.take(permit.clone(), fare).ok(), quota.take(permit, fare).ok())
}

fn main() {
    let _ = twice;
}
