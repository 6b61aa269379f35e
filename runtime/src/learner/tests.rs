//! A model whose plan, sizes or tensors do not fit is a reported fault: it never
//! gives a number that passes for a result, and an adaptation is rolled back.
//!
//! No artifact leads to such a model. Here a sound one is changed behind the back
//! of the checks.

extern crate std;
use std::string::String;
use std::vec::Vec;
use std::{format, vec};

use mamlet_formats::{Artifact, ArtifactWriter, Layer, Loss, Reduction, Shape, Tensor};

use super::*;
use crate::layers::Layer as Made;
use crate::param::Param;

/// Far outside of any memory of these tests.
const FAR: u32 = 1 << 20;
const EXAMPLES: usize = 3;

type Network<'a> = Model<'a, 12>;

/// What a learner makes of the examples, as bits.
#[derive(Debug, PartialEq)]
struct Results {
    losses: Vec<u32>,
    weights: Vec<u32>,
    predictions: Vec<u32>,
}

/// How a run of a changed model ended.
#[derive(Debug, PartialEq)]
enum End {
    Computed(Results),
    /// It was reported, by whom.
    Fault(&'static str),
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Numbers in [−1, 1).
fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Writes artifacts layer by layer, with tensors that nobody chose.
struct Chain {
    writer: ArtifactWriter,
    tensors: u32,
    adapting: usize,
}

impl Chain {
    fn new(shape: Shape) -> Self {
        Chain {
            writer: ArtifactWriter::new("changed", shape),
            tensors: 0,
            adapting: 0,
        }
    }

    fn tensor(&mut self, length: usize, adapts: bool) -> Tensor {
        self.tensors += 1;
        self.adapting += usize::from(adapts);
        self.writer.tensor(&values(length, self.tensors), adapts)
    }

    fn dense(&mut self, inputs: usize, outputs: usize, adapts: bool) {
        let weight = self.tensor(inputs * outputs, adapts);
        let bias = Some(self.tensor(outputs, adapts));
        let outputs = outputs as u32;
        self.writer.push(Layer::Dense {
            outputs,
            weight,
            bias,
        });
    }

    fn words(mut self, loss: Loss) -> Vec<f32> {
        let rates = vec![0.02; self.adapting];
        let writer = self.writer.rates(&[&rates[..], &rates[..]]);
        let bytes = writer.steps(2, 4).loss(loss, Reduction::Mean).to_bytes();
        let bytes = bytes.expect("parts that agree");
        let words = bytes.as_chunks().0.iter();
        words.map(|word| f32::from_le_bytes(*word)).collect()
    }
}

/// Dense layers and what needs no feature, all adapting.
fn dense() -> Vec<f32> {
    let mut chain = Chain::new(Shape::Vector { features: 4 });
    chain.dense(4, 5, true);
    chain.writer.push(Layer::Tanh);
    let vector = chain.tensor(2, true);
    chain.writer.push(Layer::Context { vector });
    chain.dense(7, 6, true);
    chain.writer.push(Layer::Relu);
    chain.dense(6, 3, true);
    chain.words(Loss::CrossEntropy)
}

/// A body that does not adapt below a head that does, and momentum.
fn head() -> Vec<f32> {
    let mut chain = Chain::new(Shape::Vector { features: 4 });
    chain.writer.normalisation(&[0.5; 4], &[2.0; 4]);
    chain.dense(4, 6, false);
    chain.writer.push(Layer::LeakyRelu { slope: 0.1 });
    chain.dense(6, 3, true);
    chain.writer.optimiser(Some(0.5), Some(0.5));
    chain.words(Loss::CrossEntropy)
}

#[cfg(all(feature = "convolution", feature = "normalisation"))]
fn image() -> Vec<f32> {
    use mamlet_formats::{Padding, Pool, Window};

    let window = |size, stride| Window {
        size: [size; 2],
        stride: [stride; 2],
        padding: Padding::Same,
    };
    let mut chain = Chain::new(Shape::Image {
        height: 4,
        width: 4,
        channels: 2,
    });
    let weight = chain.tensor(9 * 2 * 4, true);
    let bias = Some(chain.tensor(4, true));
    chain.writer.push(Layer::Conv {
        filters: 4,
        window: window(3, 1),
        weight,
        bias,
    });
    let (gain, bias) = (Some(chain.tensor(4, true)), Some(chain.tensor(4, true)));
    chain.writer.push(Layer::GroupNorm {
        groups: 2,
        epsilon: 0.1,
        gain,
        bias,
    });
    for pool in [Pool::Maximum, Pool::Average] {
        chain.writer.push(Layer::Pool {
            pool,
            window: window(2, if pool == Pool::Maximum { 2 } else { 1 }),
        });
    }
    let weight = chain.tensor(9 * 4, true);
    chain.writer.push(Layer::Depthwise {
        window: window(3, 1),
        weight,
        bias: None,
    });
    chain.writer.push(Layer::Softmax);
    chain.writer.push(Layer::GlobalAveragePool);
    chain.dense(4, 3, true);
    chain.words(Loss::CrossEntropy)
}

/// A body of integers.
#[cfg(feature = "integer")]
fn integers() -> Vec<f32> {
    use mamlet_formats::{Integers, Padding, Pool, Window};

    let window = Window {
        size: [1, 3],
        stride: [1, 1],
        padding: Padding::Same,
    };
    let mut chain = Chain::new(Shape::Sequence {
        length: 6,
        channels: 2,
    });
    chain.writer.push(Layer::Quantize {
        scale: 0.02,
        zero: 3,
    });
    let made = |chain: &mut Chain, weights: usize, outputs: usize| {
        let numbers = |count: usize, seed| values(count, seed).into_iter();
        let weights: Vec<i8> = numbers(weights, 7).map(|x| (x * 100.0) as i8).collect();
        let writer = &mut chain.writer;
        Integers {
            weight: writer.i8_tensor(&weights),
            bias: writer.i32_tensor(&vec![50; outputs]),
            multiplier: writer.i32_tensor(&vec![1 << 28; outputs]),
            shift: writer.i8_tensor(&vec![2; outputs]),
            input_zero: 3,
            zero: -4,
            low: -128,
            high: 127,
        }
    };
    // Pairs of outputs, groups of four products.
    let integers = made(&mut chain, 2 * 2 * 8, 4);
    chain.writer.push(Layer::IntegerConv {
        filters: 4,
        window,
        integers,
    });
    let integers = made(&mut chain, 3 * 4, 4);
    chain
        .writer
        .push(Layer::IntegerDepthwise { window, integers });
    chain.writer.push(Layer::Pool {
        pool: Pool::Average,
        window,
    });
    let integers = made(&mut chain, 3 * 6 * 8, 5);
    chain.writer.push(Layer::IntegerDense {
        outputs: 5,
        integers,
    });
    chain.writer.push(Layer::Dequantize {
        scale: 0.05,
        zero: -4,
    });
    chain.dense(5, 3, true);
    chain.words(Loss::CrossEntropy)
}

/// Adds examples, adapts twice and predicts.
fn run(model: &Network<'_>, setup: Setup) -> End {
    let needed = model.memory_for(setup).total().len();
    let mut memory = vec![f32::NAN; needed];
    let mut learner = Learner::with(model, setup, &mut memory).expect("enough memory");
    let inputs = model.inputs();
    for example in 0..EXAMPLES {
        match learner.add_class(&values(inputs, 90 + example as u32), example) {
            Err(ExampleError::Internal) => return End::Fault("add"),
            added => assert_eq!(added, Ok(())),
        }
    }
    let mut losses = Vec::new();
    for _ in 0..2 {
        match learner.adapt() {
            Err(AdaptError::Internal) => {
                assert!(!learner.is_adapted() && learner.weights().is_none());
                return End::Fault("adapt");
            }
            report => losses = bits(&report.expect("examples").losses),
        }
    }
    let mut predictions = Vec::new();
    for query in 0..2 {
        match learner.predict(&values(inputs, 70 + query)) {
            Err(PredictError::Internal) => return End::Fault("predict"),
            output => predictions.extend(bits(output.expect("an input"))),
        }
    }
    End::Computed(Results {
        losses,
        weights: bits(learner.weights().unwrap_or(&[])),
        predictions,
    })
}

/// The tensors of a layer that are changed.
fn params(layer: &mut Made) -> Vec<&mut Param> {
    match layer {
        Made::Dense(dense) => [Some(&mut dense.weight), dense.bias.as_mut()],
        Made::Context(context) => [Some(&mut context.vector), None],
        #[cfg(feature = "convolution")]
        Made::Conv(conv) => [Some(&mut conv.weight), conv.bias.as_mut()],
        #[cfg(feature = "convolution")]
        Made::Depthwise(depthwise) => [Some(&mut depthwise.weight), depthwise.bias.as_mut()],
        #[cfg(feature = "normalisation")]
        Made::Norm(norm) => [norm.gain.as_mut(), norm.bias.as_mut()],
        _ => [None, None],
    }
    .into_iter()
    .flatten()
    .collect()
}

/// A change of a stage, and what it is called.
type Change = (&'static str, fn(&mut Stage));

const OF_STAGES: [Change; 8] = [
    ("y_at", |stage| stage.y_at += FAR),
    ("dy_at", |stage| stage.dy_at += FAR),
    ("dx_at", |stage| stage.dx_at += FAR),
    ("dx_at is dy_at", |stage| stage.dx_at = stage.dy_at),
    ("inputs + 1", |stage| stage.inputs += 1),
    ("inputs - 1", |stage| stage.inputs -= 1),
    ("outputs + 1", |stage| stage.outputs += 1),
    ("outputs - 1", |stage| stage.outputs -= 1),
];

type ParamChange = (&'static str, fn(&mut Param));

const OF_PARAMS: [ParamChange; 4] = [
    ("flash", |param| param.flash += FAR),
    ("adapted", |param| param.adapted += FAR),
    ("length - 1", |param| param.length -= 1),
    ("column", |param| {
        if param.adapts() {
            param.column += 100;
        }
    }),
];

type InfoChange = (&'static str, fn(&mut ModelInfo<'_>));

const OF_MODELS: [InfoChange; 6] = [
    ("rates", |info| info.rates = &[]),
    ("workspace", |info| info.workspace /= 2),
    ("prediction", |info| {
        (info.prediction, info.workspace) = (info.prediction / 2, 0);
    }),
    ("features + 1", |info| info.features += 1),
    ("features - 1", |info| info.features -= 1),
    ("outputs", |info| info.outputs += 1),
];

/// All changes of a sound model, one at a time, each with a name.
fn changes<'a>(sound: &Network<'a>) -> Vec<(String, Network<'a>)> {
    let mut changed = Vec::new();
    for (name, change) in OF_MODELS {
        let mut model = sound.clone();
        change(&mut model.info);
        changed.push((String::from(name), model));
    }
    for index in 0..sound.stages.len() {
        for (name, change) in OF_STAGES {
            let mut model = sound.clone();
            change(&mut model.stages[index]);
            changed.push((format!("{name} of stage {index}"), model));
        }
        let count = params(&mut sound.clone().stages[index].layer).len();
        for param in 0..count {
            for (name, change) in OF_PARAMS {
                let mut model = sound.clone();
                change(params(&mut model.stages[index].layer)[param]);
                changed.push((format!("{name} of tensor {param} of stage {index}"), model));
            }
        }
    }
    changed
}

#[test]
fn what_does_not_fit_is_reported_and_rolled_back() {
    let networks = [
        ("dense", dense()),
        ("head", head()),
        #[cfg(all(feature = "convolution", feature = "normalisation"))]
        ("image", image()),
        #[cfg(feature = "integer")]
        ("integers", integers()),
    ];
    for (network, words) in networks {
        let artifact = Artifact::parse(bytemuck::cast_slice(&words)).expect("an artifact");
        let sound = Network::new(&artifact).expect("a model");
        let setup = Setup::new(EXAMPLES);
        for setup in [setup, setup.one_by_one()] {
            let expected = run(&sound, setup);
            let End::Computed(results) = &expected else {
                panic!("{network} is sound: {expected:?}");
            };
            assert!(results.losses.len() == 3 && !results.weights.is_empty());
            let mut faults = Vec::new();
            for (name, model) in changes(&sound) {
                match run(&model, setup) {
                    End::Fault(by) => faults.push(by),
                    // Nobody reads what was changed, or the results would differ.
                    end => assert_eq!(end, expected, "{network}, {name}"),
                }
            }
            let by_adapting = faults.iter().filter(|by| **by == "adapt").count();
            assert!(
                by_adapting > 5 && faults.len() > 15,
                "{network}: {faults:?}"
            );
        }
    }
}

/// After a fault a learner has what was committed, and goes on with it.
#[test]
fn a_fault_leaves_committed_weights_in_use() {
    let words = dense();
    let artifact = Artifact::parse(bytemuck::cast_slice(&words)).expect("an artifact");
    let sound = Network::new(&artifact).expect("a model");
    let mut changed = sound.clone();
    let last = changed.stages.last_mut().expect("a layer");
    last.dx_at += FAR;

    let setup = Setup::new(EXAMPLES).rollback(Rollback::ToCommitted);
    let needed = sound.memory_for(setup).total().len();
    let mut memory = vec![0.0; needed];
    let mut learner = Learner::with(&sound, setup, &mut memory).expect("enough memory");
    for example in 0..EXAMPLES {
        let input = values(4, example as u32);
        assert_eq!(learner.add_class(&input, example), Ok(()));
    }
    assert!(learner.adapt().is_ok());
    learner.commit();
    let committed = bits(learner.weights().expect("adapted"));
    let predicted = bits(learner.predict(&values(4, 50)).expect("an input"));

    learner.stages = &changed.stages;
    assert_eq!(learner.adapt(), Err(AdaptError::Internal));
    assert_eq!(learner.gradient().map(|_| ()), Err(AdaptError::Internal));
    learner.discard();
    assert_eq!(bits(learner.weights().expect("committed")), committed);
    let again = bits(learner.predict(&values(4, 50)).expect("an input"));
    assert_eq!(again, predicted);

    learner.stages = &sound.stages;
    assert!(learner.adapt().is_ok());
    assert_eq!(bits(learner.weights().expect("adapted")), committed);
}
