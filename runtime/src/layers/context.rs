//! Context: `y = [x, z]` with a free vector `z`, the same for every example.
//!
//! A network whose context alone adapts learns a task by moving a few inputs
//! and leaves its weights in flash (Finn et al. 2017, appendix; CAVIA, Zintgraf
//! et al. 2019).
//!
//! | | equation |
//! |---|---|
//! | by the input | `dx = dy[.., ..inputs]` |
//! | by the context | `dz = Σ dy[.., inputs..]` |
//!
//! Backward reads neither its input nor its output.

use super::{Backward, Descent};
use crate::model::Param;

/// A free vector appended to every example.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// `z`
    pub vector: Param,
}

impl Context {
    /// See [`super::Layer::forward`].
    pub fn forward(&self, words: &[f32], adapted: &[f32], x: &[f32], y: &mut [f32], inputs: usize) {
        let z = self.vector.read(words, adapted);
        let rows = y.chunks_exact_mut(inputs + z.len());
        for (y, x) in rows.zip(x.chunks_exact(inputs)) {
            y.iter_mut().zip(x.iter().chain(z)).for_each(|(y, &v)| *y = v);
        }
    }

    /// See [`super::Layer::backward`].
    pub fn backward(&self, pass: Backward<'_>, step: &mut Descent<'_>, inputs: usize) {
        let Backward { dy, dx, .. } = pass;
        let outputs = inputs + self.vector.length as usize;
        for (dx, dy) in dx.chunks_exact_mut(inputs).zip(dy.chunks_exact(outputs)) {
            dx.iter_mut().zip(dy).for_each(|(dx, &dy)| *dx = dy);
        }
        if let Some((z, rate)) = step.begin(&self.vector) {
            for (column, z) in z.iter_mut().enumerate() {
                let of_column = dy.iter().skip(inputs + column).step_by(outputs);
                *z -= rate * of_column.sum::<f32>();
            }
        }
    }
}
