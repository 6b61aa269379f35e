use burn::backend::{Autodiff, Flex};
use burn::tensor::Distribution;

use super::super::super::shape::Shape;
use super::*;

fn by_patch(window: Window, channels: usize, groups: usize) -> ByPatch {
    ByPatch {
        patches: Patches::new(window, channels),
        groups,
    }
}

#[test]
fn a_gathered_input_gradient_is_the_scattered_one() {
    let device = Default::default();
    let image = Shape::Image {
        height: 7,
        width: 6,
        channels: 4,
    };
    for (kernel, stride, padding, groups) in [
        (3, 1, Padding::Same, 1),
        (3, 2, Padding::Same, 1),
        (3, 2, Padding::Same, 2),
        (2, 3, Padding::Valid, 2),
        (1, 1, Padding::Valid, 1),
        (1, 2, Padding::Same, 1),
    ] {
        let [square, step] = [kernel, stride].map(Extent::Square);
        let window = Window::new(&image, square, step, padding).unwrap();
        let places = window.places();
        let conv = by_patch(window, 4, groups);
        let random = |dims| Tensor::<Flex, 3>::random(dims, Distribution::Default, &device);
        for tasks in [1, 3] {
            let weight = random([tasks, kernel * kernel * 4 / groups, 6]);
            let dy = random([3, 2, places * 6]);
            let difference = conv.gathered(&weight, dy.clone()) - conv.scattered(&weight, dy);
            let most = difference.abs().max().into_scalar();
            assert!(most < 1e-4, "{kernel} {stride} {groups} {tasks}: {most}");
        }
    }
}

#[test]
fn a_weight_gradient_by_example_is_the_whole_one() {
    let device = Default::default();
    let image = Shape::Image {
        height: 5,
        width: 4,
        channels: 2,
    };
    let [kernel, stride] = [3, 1].map(Extent::Square);
    let window = Window::new(&image, kernel, stride, Padding::Same).unwrap();
    let rows = 3 * window.places();
    let conv = by_patch(window, 2, 1);
    let random = |dims| Tensor::<Flex, 3>::random(dims, Distribution::Default, &device);
    let (p, dy) = (random([2, rows, 18]), random([2, rows, 7]));
    let whole = dense::weight_gradient(&p, &dy);
    let difference = conv.weight_gradient_by_example(p, dy) - whole;
    let most = difference.abs().max().into_scalar();
    assert!(most < 1e-4, "{most}");
}

#[test]
fn without_patches_it_is_what_it_is_with_them() {
    let device = Default::default();
    let random = |dims| Tensor::<Flex, 3>::random(dims, Distribution::Default, &device);
    let most = |a: Tensor<Flex, 3>, b: Tensor<Autodiff<Flex>, 3>| {
        (a - b.inner()).abs().max().into_scalar()
    };
    let image = |channels| Shape::Image {
        height: 7,
        width: 10,
        channels,
    };
    for (kernel, stride, padding, channels, filters) in [
        ([3, 3], [1, 1], Padding::Same, 3, 5),
        ([3, 3], [1, 1], Padding::Valid, 1, 33),
        ([3, 3], [2, 2], Padding::Same, 4, 16),
        ([2, 3], [1, 1], Padding::Same, 5, 17),
        ([2, 2], [3, 1], Padding::Same, 2, 1),
        ([4, 1], [1, 2], Padding::Valid, 7, 8),
        ([1, 1], [1, 1], Padding::Same, 6, 9),
        ([1, 1], [2, 2], Padding::Same, 6, 48),
        ([5, 2], [1, 1], Padding::Same, 13, 3),
    ] {
        let [extent, step] = [kernel, stride].map(Extent::Rectangle);
        let window = Window::new(&image(channels), extent, step, padding).unwrap();
        let places = window.places();
        let conv = by_patch(window, channels, 1);
        for own in [1, 3] {
            let inputs = kernel[0] * kernel[1] * channels;
            let params = [random([own, inputs, filters]), random([own, 1, filters])];
            let (x, dy) = (
                random([3, 2, 70 * channels]),
                random([3, 2, places * filters]),
            );
            let [weight, bias] = params.clone().map(Tensor::from_inner);
            let (x_too, dy_too) = (
                Tensor::from_inner(x.clone()),
                Tensor::from_inner(dy.clone()),
            );

            let p = conv.patches(x);
            let y = conv.forward(&p, &params, [3, 2]);
            let p_too = conv.patches(x_too);
            let y_too = conv.forward(&p_too, &[weight.clone(), bias], [3, 2]);
            let dx = conv.input_gradient(&params[0], dy.clone());
            let dx_too = conv.input_gradient(&weight, dy_too.clone());
            let dw = conv.weight_gradient(&p, &dy);
            let dw_too = conv.weight_gradient(&p_too, &dy_too);
            let all = [most(y, y_too), most(dx, dx_too), most(dw, dw_too)];
            let what = format!("{kernel:?} {stride:?} {padding:?} {channels} {filters} {own}");
            assert!(all.iter().all(|most| *most < 1e-4), "{what}: {all:?}");
        }
    }
}
