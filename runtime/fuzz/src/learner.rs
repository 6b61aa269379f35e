//! What a learner promises, through any calls.

use mamlet_formats::Loss;
use mamlet_runtime::{
    Artifact, ExampleError, Learner, LearnerError, Model, Outcome, PredictError, Report, Rollback,
    Setup,
};

use crate::bits;
use crate::calls::{Call, Session};
use crate::memory::{Aligned, Guarded};
use crate::network::Network;

/// Makes the calls on a learner in memory of exactly the size it asks for, and
/// on one that computes its examples one by one, where the network allows it:
/// the two give the same bits.
pub fn learner(session: &Session) {
    let network = &session.network;
    let file = Aligned::new(&network.file);
    let artifact = Artifact::parse(file.bytes()).expect("just written");
    let model = Model::<16>::new(&artifact).expect("a sound network");
    assert_eq!(model.targets(), network.targets());
    let whole = setup(session, &model);
    let mut memory = [whole, whole.one_by_one()].map(|setup| {
        let needed = model.memory_for(setup).total().len();
        Guarded::new(needed)
    });
    let [first, second] = &mut memory;
    let mut whole = Watched::new(session, &model, whole, first);
    let mut single = match network.mixes {
        true => {
            let refused = Learner::with(&model, whole.setup.one_by_one(), second.inside());
            assert_eq!(refused.map(drop), Err(LearnerError::BatchNorm));
            None
        }
        false => {
            let setup = whole.setup.one_by_one();
            Some(Watched::new(session, &model, setup, second))
        }
    };
    for call in &session.calls {
        let given = whole.make(call);
        if let Some(single) = &mut single {
            assert_eq!(single.make(call), given, "{call:?}");
            assert_eq!(single.weights(), whole.weights(), "{call:?}");
        }
    }
    memory.iter().for_each(Guarded::check);
}

/// What the session asks for, as far as the network allows it.
fn setup(session: &Session, model: &Model<'_, 16>) -> Setup {
    let setup = Setup::new(session.examples)
        .rollback(session.rollback)
        .queries(session.queries);
    let refused = Learner::with(model, setup.lent(), &mut []).map(drop);
    match session.lent && refused != Err(LearnerError::CannotLend) {
        true => setup.lent(),
        false => setup,
    }
}

/// A learner, and what it must go back to.
struct Watched<'m> {
    learner: Learner<'m>,
    network: &'m Network,
    setup: Setup,
    queries: usize,
    /// The weights last committed.
    committed: Option<Vec<u32>>,
    commits: bool,
}

impl<'m> Watched<'m> {
    fn new(
        session: &'m Session,
        model: &'m Model<'m, 16>,
        setup: Setup,
        memory: &'m mut Guarded,
    ) -> Self {
        let needed = model.memory_for(setup).total().len();
        let too_small = LearnerError::MemoryTooSmall {
            needed,
            given: needed - 1,
        };
        let less = Learner::with(model, setup, &mut memory.inside()[1..]).map(drop);
        assert_eq!(less, Err(too_small));
        Watched {
            learner: Learner::with(model, setup, memory.inside()).expect("enough memory"),
            network: &session.network,
            setup,
            queries: session.queries,
            committed: None,
            commits: session.rollback == Rollback::ToCommitted,
        }
    }

    /// The bits of the weights in use.
    fn weights(&self) -> Option<Vec<u32>> {
        self.learner.weights().map(bits)
    }

    /// Makes a call and returns the bits of the numbers that came of it.
    fn make(&mut self, call: &'m Call) -> Vec<u32> {
        let (before, examples) = (self.weights(), self.learner.examples());
        let learner = &mut self.learner;
        let mut given = Vec::new();
        match call {
            Call::Add { input, target } => {
                let added = add(learner, self.network, input, target);
                let grown = learner.examples() - examples;
                assert_eq!(grown, usize::from(added.is_ok()));
            }
            Call::AddTarget { input, target } => {
                let added = learner.add_target(input, target);
                let grown = learner.examples() - examples;
                assert_eq!(grown, usize::from(added.is_ok()));
            }
            Call::Lend { inputs, targets } => {
                let expected = match learner.lend(inputs, targets) {
                    Ok(()) => inputs.len() / self.network.inputs,
                    Err(_) => examples,
                };
                assert_eq!(learner.examples(), expected);
            }
            Call::Clear => learner.clear_examples(),
            Call::Adapt(adaptation) => {
                return match learner.adapt_with(*adaptation) {
                    Ok(report) => self.adapted(&report),
                    Err(_) => {
                        assert_eq!(self.weights(), before);
                        given
                    }
                };
            }
            Call::Gradient => {
                if let Ok((loss, gradient)) = learner.gradient() {
                    // Without a loss there is no gradient to speak of.
                    if loss.is_finite() {
                        given = bits(gradient);
                    }
                    given.extend(bits(&[loss]));
                    assert_eq!(learner.weights(), None);
                    return given;
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
                return given;
            }
            Call::Predict(input) => {
                let once = learner.predict(input).map(bits);
                let twice = learner.predict(input).map(bits);
                assert_eq!(once, twice);
                given = self.predicted(once, input, 1);
            }
            Call::PredictBatch(inputs) => given = self.predict_batch(inputs),
            Call::SaveAndRestore => self.save_and_restore(),
            Call::RestoreDamaged { at, with } => self.restore_damaged(*at, *with),
        }
        // Nothing but the calls that return early changes the weights.
        assert_eq!(self.weights(), before);
        given
    }

    /// What a report says is so.
    fn adapted(&self, report: &Report) -> Vec<u32> {
        let after = self.learner.weights();
        match report.outcome {
            Outcome::RolledBack { .. } => assert_eq!(after.map(bits), self.committed),
            _ => {
                let after = after.expect("adapted weights");
                assert!(after.iter().all(|weight| weight.is_finite()));
                assert!(report.loss_after() <= report.loss_before());
            }
        }
        bits(&report.losses)
    }

    /// Predictions have their length; networks that begin with integers, which
    /// cannot show a NaN, refuse it.
    fn predicted(
        &self,
        outputs: Result<Vec<u32>, PredictError>,
        inputs: &[f32],
        count: usize,
    ) -> Vec<u32> {
        let finite = inputs.iter().all(|x| x.is_finite());
        match outputs {
            Ok(outputs) => {
                assert_eq!(outputs.len(), count * self.network.outputs);
                assert!(finite || !self.network.integers);
                outputs
            }
            Err(error) => {
                assert_eq!(error, PredictError::NotFinite);
                assert!(self.network.integers && !finite);
                Vec::new()
            }
        }
    }

    /// Inputs that are computed at once give what each gives by itself, but for
    /// a batch norm of the batch.
    fn predict_batch(&mut self, inputs: &[f32]) -> Vec<u32> {
        let count = inputs.len() / self.network.inputs;
        let mut outputs = vec![0.0; count * self.network.outputs];
        let made = self.learner.predict_batch(inputs, &mut outputs);
        if count > self.queries {
            assert!(matches!(made, Err(PredictError::Queries { .. })));
            return Vec::new();
        }
        let given = self.predicted(made.map(|()| bits(&outputs)), inputs, count);
        if !self.network.mixes && made.is_ok() {
            let rows = inputs.chunks(self.network.inputs);
            let each = rows.flat_map(|input| bits(self.learner.predict(input).expect("as above")));
            assert_eq!(each.collect::<Vec<_>>(), given);
        }
        given
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

/// Adds an example through the function that its loss has.
fn add(
    learner: &mut Learner<'_>,
    network: &Network,
    input: &[f32],
    target: &[f32],
) -> Result<(), ExampleError> {
    // Every network has an output, and so a target.
    let (&last, rest) = target.split_last().expect("a target");
    match network.loss {
        Loss::CrossEntropy => learner.add_class(input, last as usize),
        Loss::CategoricalPolicy => learner.add_discrete_action(input, rest[0] as usize, last),
        Loss::GaussianPolicy => learner.add_action(input, rest, last),
        _ => learner.add_values(input, target),
    }
}
