//! A recorded past, judged again: what a policy would have ruled of it.

pub(crate) mod events;
