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

use super::{Backward, Descent, Forward, Operation, part};
use crate::fault::{Checked, Internal};
use crate::kernels::{copy, rows, rows_mut, zip};
use crate::param::Param;

/// A free vector appended to every example.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// `z`
    pub vector: Param,
}

impl Operation for Context {
    fn params(&self) -> [Option<Param>; 2] {
        [Some(self.vector), None]
    }

    fn fits(&self, inputs: usize, outputs: usize) -> bool {
        outputs.checked_sub(inputs) == Some(self.vector.length as usize)
    }

    fn forward(&self, pass: Forward<'_>) -> Checked {
        let Forward {
            x,
            y,
            inputs,
            outputs,
            ..
        } = pass;
        let z = self.vector.read(pass.words, pass.adapted);
        for (y, x) in rows_mut(y, outputs).zip(rows(x, inputs)) {
            let (to_x, to_z) = y.split_at_mut_checked(inputs).ok_or(Internal)?;
            copy(to_x, x)?;
            copy(to_z, z)?;
        }
        Ok(())
    }

    fn backward(&self, pass: Backward<'_>, step: &mut Descent<'_>) -> Checked {
        let Backward {
            dy,
            dx,
            inputs,
            outputs,
            ..
        } = pass;
        for (dx, dy) in rows_mut(dx, inputs).zip(rows(dy, outputs)) {
            copy(dx, part(dy, 0..inputs))?;
        }
        if let Some((z, rate)) = step.begin(&self.vector)? {
            for dy in rows(dy, outputs) {
                zip(z, part(dy, inputs..outputs), |z, dz| z - rate * dz)?;
            }
        }
        Ok(())
    }
}
