//! The multiply-accumulates that a model says it takes are those that the
//! equations have.
#![cfg(all(
    feature = "convolution",
    feature = "normalisation",
    feature = "integer",
    feature = "policy"
))]

mod common;

use common::piece::{Kind, Size};
use common::{AnyModel, Net, Piece, draw, naive, random, values};
use mamlet_formats::{Padding, Window};
use mamlet_runtime::Cost;

/// Products of a layer's forward pass for one example, counted one by one.
fn products(piece: &Piece, size: Size) -> u64 {
    let taps = |window| {
        naive::seen(size, window)
            .iter()
            .map(Vec::len)
            .sum::<usize>()
    };
    let inputs: usize = size.iter().product();
    let count = match piece {
        Piece::Dense { outputs, .. } => inputs * outputs,
        Piece::Conv {
            groups,
            filters,
            window,
            ..
        } => taps(*window) * (size[2] / groups) * filters,
        Piece::Depthwise { window, .. } => taps(*window) * size[2],
        Piece::Integer(Kind::Dense(outputs), _) => inputs * outputs,
        Piece::Integer(Kind::Conv(groups, filters, window), _) => {
            taps(*window) * (size[2] / groups) * filters
        }
        Piece::Integer(Kind::Depthwise(window), _) => taps(*window) * size[2],
        _ => 0,
    };
    count as u64
}

/// The same of the whole network.
fn counted(net: &Net) -> (u64, u64, u64) {
    let fixed = net.fixed_layers();
    let adapts = |piece: &Piece| piece.tensors().any(|(_, adapts)| *adapts);
    let lowest = net
        .pieces
        .iter()
        .position(adapts)
        .expect("something adapts");
    let (mut once, mut forward, mut backward) = (0, 0, 0);
    for (index, (piece, size)) in net.pieces.iter().zip(net.sizes()).enumerate() {
        let products = products(piece, size);
        match index < fixed {
            true => once += products,
            false => forward += products,
        }
        // Down to the lowest layer that adapts, and into its weights.
        if index > lowest {
            backward += products;
        }
        if piece.tensors().next().is_some_and(|(_, adapts)| *adapts) {
            backward += products;
        }
    }
    (once, forward, backward)
}

fn cost(net: &Net) -> Cost {
    let file = net.file();
    AnyModel::new(&file.artifact())
        .expect("a sound network")
        .cost()
}

#[test]
fn the_cost_counts_the_products() {
    let mut random = random(5);
    for _ in 0..1000 {
        let net = Net::any(&mut random);
        let cost = cost(&net);
        let figures = (cost.once, cost.forward, cost.backward);
        assert_eq!(figures, counted(&net), "{net:?}");
        assert_eq!(cost.prediction(), cost.once + cost.forward);
    }
}

/// The figures of two networks as the documentation would calculate them.
#[test]
fn the_cost_of_a_network_is_what_one_calculates_by_hand() {
    let mut random = random(6);
    let mut dense = |inputs, outputs, adapts| Piece::Dense {
        outputs,
        weight: (values(&mut random, inputs * outputs), adapts),
        bias: Some((values(&mut random, outputs), adapts)),
    };
    let mut of = |adapts: [bool; 3]| {
        let pieces = vec![
            dense(1, 40, adapts[0]),
            Piece::Relu,
            dense(40, 40, adapts[1]),
            Piece::Relu,
            dense(40, 1, adapts[2]),
        ];
        cost(&Net::new(1, pieces))
    };
    let whole = of([true; 3]);
    assert_eq!((whole.once, whole.forward), (0, 40 + 1600 + 40));
    // All weight gradients, and the gradients by the inputs of two layers.
    assert_eq!(whole.backward, (40 + 1600 + 40) + (1600 + 40));
    assert_eq!(
        whole.adaptation(10, 5),
        10 * (6 * whole.forward + 5 * whole.backward)
    );
    // Below a head that adapts alone, examples are computed once.
    let head = of([false, false, true]);
    assert_eq!((head.once, head.forward, head.backward), (1640, 40, 40));
    assert_eq!(head.prediction(), 1680);
    assert_eq!(head.adaptation(10, 5), 10 * (6 * 40 + 5 * 40));
}

/// At the edges a window sees less: what is not there is not multiplied.
#[test]
fn padding_costs_nothing() {
    let mut random = random(7);
    let of = |random: &mut common::Random, padding| {
        let window = Window {
            size: [3, 3],
            stride: [1, 1],
            padding,
        };
        let mut conv = draw::conv(random, [5, 5, 2], (1, 4), window);
        conv.tensors_mut().for_each(|tensor| tensor.1 = true);
        cost(&Net::of([5, 5, 2], vec![conv])).forward
    };
    assert_eq!(of(&mut random, Padding::Valid), 9 * 9 * 2 * 4);
    // Per axis: three taps for three outputs, two for each of two.
    assert_eq!(of(&mut random, Padding::Same), 13 * 13 * 2 * 4);
}
