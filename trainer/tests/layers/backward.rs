//! Gradients of every layer against central differences.

use burn::backend::Flex;
use burn::tensor::Tensor;
use mamlet_trainer::meta::to_host;
use mamlet_trainer::nn::{
    Adapt, Dense, Depthwise, Extent, LayerNorm, LayerSpec, Network, NetworkSpec, Padding,
};

use crate::cases::{
    EXAMPLES, Lcg, Setup, TASKS, batch_norm, cases, conv, distance, image, max_pool, to_device,
};

/// `∂⟨dy, y⟩/∂θ` of one task by central differences, per tensor.
fn differences(setup: &Setup, task: usize) -> Vec<Vec<f64>> {
    let h = 1e-5;
    let value = |params: &[Vec<f64>]| -> f64 {
        let y = setup.naive(task, params);
        y.iter().zip(&setup.dy[task]).map(|(y, dy)| y * dy).sum()
    };
    let mut params = setup.params[task].clone();
    let mut result = params.clone();
    for tensor in 0..params.len() {
        for i in 0..params[tensor].len() {
            let middle = params[tensor][i];
            params[tensor][i] = middle + h;
            let up = value(&params);
            params[tensor][i] = middle - h;
            let down = value(&params);
            params[tensor][i] = middle;
            result[tensor][i] = (up - down) / (2.0 * h);
        }
    }
    result
}

#[test]
fn every_gradient_equals_central_differences() {
    for (seed, (shape, layer)) in (1..).zip(cases()) {
        for own in [false, true] {
            let setup = Setup::new(shape, &layer, own, seed);
            let network = &setup.network;
            let params = setup.device_params(own);
            let trace = network.forward_trace(&params, setup.device_x());
            let gradients = network.backward(&params, &trace, setup.device_dy());
            let expected: Vec<_> = (0..TASKS).map(|task| differences(&setup, task)).collect();
            for (index, gradient) in gradients.into_iter().enumerate() {
                let info = &network.tensors()[index];
                let gradient = gradient.unwrap();
                // One gradient per task, even of weights they share.
                assert_eq!(gradient.dims(), info.dims(TASKS), "{}", setup.name);
                let expected: Vec<f64> = expected.iter().flat_map(|e| e[index].clone()).collect();
                let error = distance(&to_host(gradient), &expected);
                assert!(
                    error < 1e-4,
                    "{}, {}: relative error {error:.1e}",
                    setup.name,
                    info.name
                );
            }
        }
    }
}

/// Tasks side by side are tasks one after another.
#[test]
fn weights_of_several_tasks_equal_a_loop_over_tasks() {
    let spec = NetworkSpec {
        input: image(6, 5, 2),
        layers: vec![
            conv(3, Extent::Square(3), 1, Padding::Same),
            batch_norm(),
            LayerSpec::Relu,
            max_pool(2, 2, Padding::Same),
            LayerSpec::Depthwise(Depthwise {
                kernel: Extent::Square(2),
                stride: Extent::Square(1),
                padding: Padding::Same,
            }),
            LayerSpec::LayerNorm(LayerNorm { epsilon: 1e-5 }),
            LayerSpec::Dense(Dense { out: 4 }),
        ],
    };
    let network = Network::new(&spec, &Adapt::default()).unwrap();
    let mut random = Lcg(5);
    let mut draw = |dims: [usize; 3]| to_device(&random.vector(dims.iter().product(), 1.0), dims);
    let params: Vec<Tensor<Flex, 3>> = network
        .tensors()
        .iter()
        .map(|info| draw(info.dims(TASKS)))
        .collect();
    let x = draw([TASKS, EXAMPLES, network.input()]);
    let dy = draw([TASKS, EXAMPLES, network.output()]);
    let results = |params: &[Tensor<Flex, 3>], x: Tensor<Flex, 3>, dy: Tensor<Flex, 3>| {
        let trace = network.forward_trace(params, x);
        let gradients = network.backward(params, &trace, dy);
        let mut results = vec![trace.output().clone()];
        results.extend(gradients.into_iter().flatten());
        results
    };
    let together = results(&params, x.clone(), dy.clone());
    for task in 0..TASKS {
        let of_task = |tensor: &Tensor<Flex, 3>| tensor.clone().narrow(0, task, 1);
        let params: Vec<_> = params.iter().map(of_task).collect();
        for (alone, together) in results(&params, of_task(&x), of_task(&dy))
            .into_iter()
            .zip(&together)
        {
            let together: Vec<f64> = to_host(of_task(together))
                .into_iter()
                .map(f64::from)
                .collect();
            let error = distance(&to_host(alone), &together);
            assert!(error < 1e-5, "task {task}: relative error {error:.1e}");
        }
    }
}
