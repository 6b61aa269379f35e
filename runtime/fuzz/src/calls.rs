//! Any calls of a learner, in any order.

use arbitrary::{Arbitrary, Result, Unstructured};
use mamlet_formats::Loss;
use mamlet_runtime::{
    Adaptation, Artifact, Learner, LearnerError, Model, Outcome, Report, Rollback,
};

use crate::bits;
use crate::memory::{Aligned, Guarded};
use crate::network::{Network, number, numbers};

/// A network, room for examples, and what is called.
#[derive(Debug)]
pub struct Session {
    network: Network,
    examples: usize,
    rollback: Rollback,
    calls: Vec<Call>,
}

#[derive(Debug)]
enum Call {
    Add { input: Vec<f32>, target: Vec<f32> },
    AddClass { input: Vec<f32>, class: usize },
    Clear,
    Adapt(Adaptation),
    Gradient,
    Commit,
    Discard,
    Predict(Vec<f32>),
    SaveAndRestore,
    RestoreDamaged { at: usize, with: u8 },
}

impl<'u> Arbitrary<'u> for Session {
    fn arbitrary(u: &mut Unstructured<'u>) -> Result<Self> {
        let network = Network::arbitrary(u)?;
        let examples = u.int_in_range(0..=4)?;
        let rollback = match u.arbitrary()? {
            true => Rollback::ToCommitted,
            false => Rollback::ToInitialisation,
        };
        let mut calls = Vec::new();
        while !u.is_empty() && calls.len() < 24 {
            calls.push(call(u, &network)?);
        }
        Ok(Session {
            network,
            examples,
            rollback,
            calls,
        })
    }
}

fn call(u: &mut Unstructured<'_>, network: &Network) -> Result<Call> {
    let [inputs, outputs] = [network.inputs, network.outputs].map(|n| n as u32);
    Ok(match u.int_in_range(0..=12)? {
        0..=2 => {
            let input = numbers(u, inputs)?;
            match network.loss {
                Loss::CrossEntropy => Call::AddClass {
                    input,
                    class: u.int_in_range(0..=network.outputs)?,
                },
                _ => Call::Add {
                    input,
                    target: numbers(u, outputs)?,
                },
            }
        }
        3 => {
            let (input, target) = (u.int_in_range(0..=3)?, u.int_in_range(0..=3)?);
            Call::Add {
                input: numbers(u, input)?,
                target: numbers(u, target)?,
            }
        }
        4 => Call::Clear,
        5 | 6 => Call::Adapt(Adaptation::default()),
        7 => Call::Adapt(Adaptation {
            steps: u.arbitrary::<Option<u8>>()?.map(usize::from),
            rate: match u.arbitrary()? {
                true => Some(number(u)?),
                false => None,
            },
        }),
        8 => Call::Gradient,
        9 => match u.arbitrary()? {
            true => Call::Commit,
            false => Call::Discard,
        },
        10 => Call::Predict(numbers(u, inputs)?),
        11 => Call::SaveAndRestore,
        _ => Call::RestoreDamaged {
            at: u.arbitrary::<u16>()?.into(),
            with: u.arbitrary()?,
        },
    })
}

/// Makes the calls on a learner in memory of exactly the size it asks for.
pub fn learner(session: &Session) {
    let file = Aligned::new(&session.network.file);
    let artifact = Artifact::parse(file.bytes()).expect("just written");
    let model = Model::<8>::new(&artifact).expect("a sound network");
    let needed = model.memory(session.examples, session.rollback).total() / 4;
    let mut memory = Guarded::new(needed);
    let mut new = |less: usize| {
        let memory = &mut memory.inside()[less..];
        Learner::new(&model, session.examples, session.rollback, memory).map(drop)
    };
    let too_small = LearnerError::MemoryTooSmall {
        needed,
        given: needed - 1,
    };
    assert_eq!(new(1), Err(too_small));
    let learner = Learner::new(&model, session.examples, session.rollback, memory.inside());
    let mut watched = Watched {
        learner: learner.expect("enough memory"),
        network: &session.network,
        committed: None,
        commits: session.rollback == Rollback::ToCommitted,
    };
    for call in &session.calls {
        watched.make(call);
    }
    memory.check();
}

/// A learner, and what it must go back to.
struct Watched<'a, 'm> {
    learner: Learner<'m>,
    network: &'a Network,
    /// The weights last committed.
    committed: Option<Vec<u32>>,
    commits: bool,
}

impl Watched<'_, '_> {
    /// The bits of the weights in use.
    fn weights(&self) -> Option<Vec<u32>> {
        self.learner.weights().map(bits)
    }

    fn make(&mut self, call: &Call) {
        let (before, examples) = (self.weights(), self.learner.examples());
        let learner = &mut self.learner;
        match call {
            Call::Add { input, target } => {
                let added = learner.add_values(input, target);
                let grown = learner.examples() - examples;
                assert_eq!(grown, usize::from(added.is_ok()));
            }
            Call::AddClass { input, class } => {
                let added = learner.add_class(input, *class);
                let grown = learner.examples() - examples;
                assert_eq!(grown, usize::from(added.is_ok()));
            }
            Call::Clear => learner.clear_examples(),
            Call::Adapt(adaptation) => {
                match learner.adapt_with(*adaptation) {
                    Ok(report) => self.adapted(&report),
                    Err(_) => assert_eq!(self.weights(), before),
                }
                return;
            }
            Call::Gradient => {
                if learner.gradient().is_ok() {
                    assert_eq!(learner.weights(), None);
                    return;
                }
            }
            Call::Commit => {
                learner.commit();
                if self.commits {
                    self.committed = before.clone();
                }
            }
            Call::Discard => {
                learner.discard();
                assert_eq!(self.weights(), self.committed);
                return;
            }
            Call::Predict(input) => {
                let once = learner.predict(input).map(bits);
                let twice = learner.predict(input).map(bits);
                assert_eq!(once.as_ref().map(Vec::len), Ok(self.network.outputs));
                assert_eq!(once, twice);
            }
            Call::SaveAndRestore => self.save_and_restore(),
            Call::RestoreDamaged { at, with } => self.restore_damaged(*at, *with),
        }
        // Nothing but the calls that return early changes the weights.
        assert_eq!(self.weights(), before);
    }

    /// What a report says is so.
    fn adapted(&self, report: &Report) {
        let after = self.learner.weights();
        match report.outcome {
            Outcome::RolledBack { .. } => assert_eq!(after.map(bits), self.committed),
            _ => {
                let after = after.expect("adapted weights");
                assert!(after.iter().all(|weight| weight.is_finite()));
                assert!(report.loss_after() <= report.loss_before());
            }
        }
    }

    fn save_and_restore(&mut self) {
        let mut file = vec![0; self.learner.checkpoint_size()];
        if self.learner.save(&mut file).is_ok() {
            let last = file.len() - 1;
            assert!(self.learner.save(&mut file[..last]).is_err());
            assert_eq!(self.learner.restore(&file), Ok(()));
            if self.commits {
                self.committed = self.weights();
            }
        }
    }

    fn restore_damaged(&mut self, at: usize, with: u8) {
        let mut file = vec![0; self.learner.checkpoint_size()];
        if self.learner.save(&mut file).is_ok() {
            let at = at % file.len();
            file[at] ^= with.max(1);
            assert!(self.learner.restore(&file).is_err());
        }
    }
}
