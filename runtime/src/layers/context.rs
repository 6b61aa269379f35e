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

use super::{Backward, Descent, Forward};
use crate::model::Param;

/// A free vector appended to every example.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// `z`
    pub vector: Param,
}

impl Context {
    /// See [`super::Layer::forward`].
    pub fn forward(&self, pass: Forward<'_>) {
        let z = self.vector.read(pass.words, pass.adapted);
        let rows = pass.y.chunks_exact_mut(pass.outputs);
        for (y, x) in rows.zip(pass.x.chunks_exact(pass.inputs)) {
            y.iter_mut().zip(x.iter().chain(z)).for_each(|(y, &v)| *y = v);
        }
    }

    /// See [`super::Layer::backward`].
    pub fn backward(&self, pass: Backward<'_>, step: &mut Descent<'_>) {
        let Backward { dy, dx, inputs, outputs, .. } = pass;
        for (dx, dy) in dx.chunks_exact_mut(inputs).zip(dy.chunks_exact(outputs)) {
            dx.iter_mut().zip(dy).for_each(|(dx, &dy)| *dx = dy);
        }
        if let Some((z, rate)) = step.begin(&self.vector) {
            for dy in dy.chunks_exact(outputs) {
                let dz = dy.iter().skip(inputs);
                z.iter_mut().zip(dz).for_each(|(z, dz)| *z -= rate * dz);
            }
        }
    }
}
