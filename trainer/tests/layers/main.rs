//! Every layer against loops in `f64` that share no code with the library:
//! forward, backward, slope, and the meta-gradient through networks of them.

mod backward;
mod cases;
mod forward;
mod meta_gradient;
mod naive;
#[path = "../oracle/unrolled.rs"]
mod oracle;
mod tape;
mod tasks;
