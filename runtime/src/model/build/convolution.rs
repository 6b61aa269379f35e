//! Convolutions and pools.

use mamlet_formats::{Pool as DescribedPool, Tensor, Window};

use super::{Builder, Made, Values};
use crate::geometry::{Extent, Sliding};
use crate::layers::{Conv, Dense, Depthwise, GlobalAverage, Kind, Layer, Pool};
#[cfg(feature = "integer")]
use crate::layers::{IntegerGlobalAverage, IntegerPool};
use crate::model::ModelError;

/// Integers of 8 bits whose sum, and half their number, fit 32 bits.
#[cfg(feature = "integer")]
const SUMMED: u32 = 1 << 23;

impl Builder<'_, '_> {
    pub(super) fn sliding(&self, window: Window) -> Result<Sliding, ModelError> {
        let layer = self.index;
        Sliding::new(window, self.input.extent).ok_or(ModelError::Window { layer })
    }

    pub(super) fn conv(
        &mut self,
        groups: u32,
        filters: u32,
        window: Window,
        weight: Tensor,
        bias: Option<Tensor>,
    ) -> Made {
        let window = self.sliding(window)?;
        let channels = self.of_group(groups, filters)?;
        let length = window.taps().checked_mul(channels as usize);
        let weights = length.and_then(|length| length.checked_mul(filters as usize));
        let weight = self.param(weight, weights)?;
        let bias = self.optional(bias, filters)?;
        let output = self.input.with(window.output(filters));
        let positions = self.input.extent.positions().ok_or(ModelError::TooLarge)?;
        let layer = match window.is_pointwise() && groups == 1 {
            true => Layer::Dense(Dense {
                weight,
                bias,
                inputs: window.channels,
                outputs: filters,
                positions: u32::try_from(positions).map_err(|_| ModelError::TooLarge)?,
            }),
            false => Layer::Conv(Conv {
                window,
                filters,
                groups,
                weight,
                bias,
            }),
        };
        Ok((Some(layer), output))
    }

    /// Channels of the input that a group has.
    pub(super) fn of_group(&self, groups: u32, filters: u32) -> Result<u32, ModelError> {
        let channels = self.input.extent.channels;
        match groups > 0 && channels.is_multiple_of(groups) && filters.is_multiple_of(groups) {
            true => Ok(channels / groups),
            false => Err(ModelError::Groups { layer: self.index }),
        }
    }

    pub(super) fn depthwise(
        &mut self,
        window: Window,
        weight: Tensor,
        bias: Option<Tensor>,
    ) -> Made {
        let window = self.sliding(window)?;
        let weights = window.taps().checked_mul(window.channels as usize);
        let layer = Layer::Depthwise(Depthwise {
            window,
            weight: self.param(weight, weights)?,
            bias: self.optional(bias, window.channels)?,
        });
        Ok((Some(layer), self.input.with(window.output(window.channels))))
    }

    pub(super) fn pool(&mut self, pool: DescribedPool, window: Window) -> Made {
        let kind = match pool {
            DescribedPool::Maximum => Kind::Maximum,
            DescribedPool::Average => Kind::Average,
        };
        let window = self.sliding(window)?;
        let pool = Pool { kind, window };
        #[cfg(feature = "integer")]
        if self.input.integer {
            return Ok((
                Some(Layer::IntegerPool(IntegerPool(pool))),
                self.pooled(window),
            ));
        }
        Ok((Some(Layer::Pool(pool)), self.pooled(window)))
    }

    fn pooled(&self, window: Sliding) -> Values {
        self.input.with(window.output(window.channels))
    }

    pub(super) fn global_average(&mut self) -> Made {
        let extent = self.input.extent;
        let positions = extent.height.checked_mul(extent.width);
        let positions = positions.ok_or(ModelError::TooLarge)?;
        let output = self.input.with(Extent::flat(extent.channels));
        #[cfg(feature = "integer")]
        if self.input.integer {
            if positions > SUMMED {
                return Err(ModelError::TooLarge);
            }
            let layer = Layer::IntegerGlobalAverage(IntegerGlobalAverage {
                channels: extent.channels,
                positions,
            });
            return Ok((Some(layer), output));
        }
        let layer = Layer::GlobalAverage(GlobalAverage { positions });
        Ok((Some(layer), output))
    }
}
