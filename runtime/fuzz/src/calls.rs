//! Any calls of a learner, in any order.

use arbitrary::{Arbitrary, Result, Unstructured};
use mamlet_formats::Loss;
use mamlet_runtime::{Adaptation, Rollback};

use crate::network::{Network, number, numbers};

/// A network, what its learner is set up for, and what is called.
#[derive(Debug)]
pub struct Session {
    pub network: Network,
    pub examples: usize,
    pub queries: usize,
    pub rollback: Rollback,
    /// Examples are left where they are, if the network allows it.
    pub lent: bool,
    pub calls: Vec<Call>,
}

#[derive(Debug)]
pub enum Call {
    /// An example as the loss takes it, through the function for it.
    Add {
        input: Vec<f32>,
        target: Vec<f32>,
    },
    AddTarget {
        input: Vec<f32>,
        target: Vec<f32>,
    },
    Lend {
        inputs: Vec<f32>,
        targets: Vec<f32>,
    },
    Clear,
    Adapt(Adaptation),
    Gradient,
    Commit,
    Discard,
    Predict(Vec<f32>),
    PredictBatch(Vec<f32>),
    SaveAndRestore,
    RestoreDamaged {
        at: usize,
        with: u8,
    },
}

impl<'u> Arbitrary<'u> for Session {
    fn arbitrary(u: &mut Unstructured<'u>) -> Result<Self> {
        let mut session = Session {
            network: Network::arbitrary(u)?,
            examples: u.int_in_range(0..=4)?,
            queries: u.int_in_range(0..=3)?,
            rollback: match u.arbitrary()? {
                true => Rollback::ToCommitted,
                false => Rollback::ToInitialisation,
            },
            lent: u.arbitrary()?,
            calls: Vec::new(),
        };
        while !u.is_empty() && session.calls.len() < 24 {
            let call = call(u, &session)?;
            session.calls.push(call);
        }
        Ok(session)
    }
}

fn call(u: &mut Unstructured<'_>, session: &Session) -> Result<Call> {
    let inputs = session.network.inputs as u32;
    Ok(match u.int_in_range(0..=15)? {
        0..=2 if session.lent => {
            let count = u.int_in_range(0..=5)?;
            let inputs = numbers(u, count * inputs)?;
            let targets: Result<Vec<_>> = (0..count).map(|_| target(u, &session.network)).collect();
            Call::Lend {
                inputs,
                targets: targets?.concat(),
            }
        }
        0..=2 => Call::Add {
            input: numbers(u, inputs)?,
            target: target(u, &session.network)?,
        },
        3 => {
            let (input, target) = (u.int_in_range(0..=3)?, u.int_in_range(0..=3)?);
            Call::AddTarget {
                input: numbers(u, input)?,
                target: numbers(u, target)?,
            }
        }
        4 => Call::AddTarget {
            input: numbers(u, inputs)?,
            target: numbers(u, session.network.targets() as u32)?,
        },
        5 => Call::Clear,
        6 | 7 => Call::Adapt(Adaptation::default()),
        8 => {
            let rate = match u.arbitrary()? {
                true => Some(number(u)?),
                false => None,
            };
            let steps = u.arbitrary::<Option<u8>>()?.map(usize::from);
            // One by one, there is memory for no second step then.
            let single = rate.is_some() && session.network.max_steps == 1;
            Call::Adapt(Adaptation {
                steps: steps.filter(|_| !single),
                rate,
            })
        }
        9 => Call::Gradient,
        10 => match u.arbitrary()? {
            true => Call::Commit,
            false => Call::Discard,
        },
        11 => Call::Predict(numbers(u, inputs)?),
        12 | 13 => {
            let count = u.int_in_range(0..=4)?;
            Call::PredictBatch(numbers(u, count * inputs)?)
        }
        14 => Call::SaveAndRestore,
        _ => Call::RestoreDamaged {
            at: u.arbitrary::<u16>()?.into(),
            with: u.arbitrary()?,
        },
    })
}

/// A target that mostly fits: classes may be one too many.
fn target(u: &mut Unstructured<'_>, network: &Network) -> Result<Vec<f32>> {
    let mut target = numbers(u, network.targets() as u32)?;
    if matches!(network.loss, Loss::CrossEntropy | Loss::CategoricalPolicy) {
        target[0] = f32::from(u.int_in_range(0..=network.outputs as u8)?);
    }
    Ok(target)
}
