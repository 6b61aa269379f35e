use burn::backend::{Autodiff, Flex};
use burn::tensor::{Distribution, Tensor, Tolerance, activation};

use super::*;

type B = Autodiff<Flex>;

#[test]
fn explicit_gradient_equals_autodiff_of_the_value() {
    let device = Default::default();
    for kind in [LossKind::Mse, LossKind::CrossEntropy] {
        for reduction in [Reduction::Mean, Reduction::Sum] {
            let loss = Loss { kind, reduction };
            let shape = [3, 4, 5];
            let distribution = Distribution::Uniform(-2.0, 2.0);
            let prediction = Tensor::<B, 3>::random(shape, distribution, &device).require_grad();
            let target =
                activation::softmax(Tensor::<B, 3>::random(shape, distribution, &device), 2);
            let value = loss.value(prediction.clone(), target.clone());
            assert_eq!(value.dims(), [3]);
            let gradients = value.sum().backward();
            let expected = prediction.grad(&gradients).unwrap();
            loss.gradient(prediction, target)
                .inner()
                .into_data()
                .assert_approx_eq::<f32>(&expected.into_data(), Tolerance::relative(1e-4));
        }
    }
}

#[test]
fn values_by_hand() {
    let device = Default::default();
    let p = Tensor::<Flex, 3>::from_data([[[1.0], [3.0]]], &device);
    let t = Tensor::<Flex, 3>::from_data([[[0.0], [1.0]]], &device);
    assert_eq!(Loss::MSE.value(p.clone(), t.clone()).into_scalar(), 2.5);
    let sum = Loss {
        reduction: Reduction::Sum,
        ..Loss::MSE
    };
    assert_eq!(sum.value(p, t).into_scalar(), 5.0);
    let p = Tensor::<Flex, 3>::from_data([[[0.0, 0.0], [0.0, 0.0]]], &device);
    let t = Tensor::<Flex, 3>::from_data([[[0.0, 1.0], [1.0, 0.0]]], &device);
    let entropy = Loss {
        kind: LossKind::CrossEntropy,
        reduction: Reduction::Mean,
    };
    assert!((entropy.value(p, t).into_scalar() - std::f32::consts::LN_2).abs() < 1e-6);
}
