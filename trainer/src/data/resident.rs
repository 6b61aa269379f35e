//! The images of a bank on a device, where sets of them are gathered.

use std::sync::PoisonError;

use burn::tensor::{ElementConversion, Int, Tensor, TensorData, backend::Backend};

use super::augment::Distortion;
use super::{Bank, Pick};

/// The images on a device: words `[images, words]` of four bytes each, and for
/// each number of quarter turns where every value of an image comes from.
pub(super) struct Resident<B: Backend> {
    device: B::Device,
    words: Tensor<B, 2, Int>,
    turns: Tensor<B, 2, Int>,
    affine: [Tensor<B, 2>; 2],
}

impl<B: Backend> Clone for Resident<B> {
    fn clone(&self) -> Self {
        Self {
            device: self.device.clone(),
            words: self.words.clone(),
            turns: self.turns.clone(),
            affine: self.affine.clone(),
        }
    }
}

impl Bank {
    /// The copy of the images on a device, made when first asked for.
    fn resident<B: Backend>(&self, device: &B::Device) -> Resident<B> {
        let mut resident = self.resident.lock().unwrap_or_else(PoisonError::into_inner);
        let known = resident.iter().filter_map(|copy| copy.downcast_ref());
        let mut known = known.filter(|copy: &&Resident<B>| copy.device == *device);
        if let Some(copy) = known.next() {
            return copy.clone();
        }
        let features = self.features();
        let words = features.div_ceil(4);
        let word = |bytes: &[u8]| {
            let bytes = bytes.iter().rev();
            bytes.fold(0u32, |word, &byte| word << 8 | u32::from(byte)) as i32
        };
        let rows = self.images.pixels.chunks_exact(features);
        let images = rows.len();
        let packed: Vec<i32> = rows.flat_map(|row| row.chunks(4).map(word)).collect();
        let turns = self.turns().concat().into_iter();
        let turns: Vec<i32> = turns.map(|from| from as i32).collect();
        let channel = |at: usize| {
            let values: Vec<f32> = self.affine.iter().map(|affine| affine[at]).collect();
            Tensor::from_data(TensorData::new(values, [1, self.affine.len()]), device)
        };
        let copy = Resident::<B> {
            device: device.clone(),
            words: Tensor::from_data(TensorData::new(packed, [images, words]), device),
            turns: Tensor::from_data(TensorData::new(turns, [4, features]), device),
            affine: [channel(0), channel(1)],
        };
        resident.push(Box::new(copy.clone()));
        copy
    }

    /// `[picks, features]`, gathered on the device.
    pub(super) fn gather<B: Backend>(&self, picks: &[Pick], device: &B::Device) -> Tensor<B, 2> {
        let resident = self.resident::<B>(device);
        let indices = |of: fn(&Pick) -> i32| {
            let indices: Vec<i32> = picks.iter().map(of).collect();
            Tensor::<B, 1, Int>::from_data(TensorData::new(indices, [picks.len()]), device)
        };
        let words = (resident.words).select(0, indices(|pick| pick.image as i32));
        let bytes: Vec<Tensor<B, 3, Int>> = (0..4)
            .map(|byte| {
                let shifted = words.clone().bitwise_right_shift_scalar((8 * byte).elem());
                shifted.bitwise_and_scalar(255.elem()).unsqueeze_dim(2)
            })
            .collect();
        let [count, features, channels] = [picks.len(), self.features(), self.images.channels];
        let mut values: Tensor<B, 2, Int> = Tensor::cat(bytes, 2).reshape([count as i32, -1]);
        // The last word may be filled up.
        if values.dims()[1] > features {
            values = values.narrow(1, 0, features);
        }
        if picks.iter().any(|pick| pick.quarter_turns % 4 > 0) {
            let turns = indices(|pick| i32::from(pick.quarter_turns % 4));
            values = values.gather(1, resident.turns.select(0, turns));
        }
        let mut values = values.float();
        if picks.iter().any(|pick| pick.distortion.is_some()) {
            let of_pick = |pick: &Pick| pick.distortion.unwrap_or(Distortion::NONE);
            let distortions: Vec<Distortion> = picks.iter().map(of_pick).collect();
            values = Distortion::apply(&distortions, values, self.images.size, channels);
        }
        let values = values.reshape([-1, channels as i32]);
        let [factor, summand] = resident.affine;
        (values * factor + summand).reshape([count, features])
    }
}
