//! Sets that were drawn before anything adapted.

use std::ops::Range;

use burn::tensor::{Tensor, backend::Backend};

use super::{Sampler, Set};
use crate::tasks::DeviceBatch;

impl<B: Backend> Sampler<B> for DeviceBatch<B> {
    fn tasks(&self) -> usize {
        self.support_x.dims()[0]
    }

    fn examples(&self) -> usize {
        self.support_x.dims()[1].max(self.query_x.dims()[1])
    }

    fn support(&self, _step: usize, _theta: &[Tensor<B, 3>]) -> Set<B> {
        self.support_set()
    }

    fn query(&self, _step: usize, _theta: &[Tensor<B, 3>]) -> Set<B> {
        self.query_set()
    }

    fn part(&self, range: Range<usize>) -> Box<dyn Sampler<B> + '_> {
        Box::new(self.tasks(range))
    }

    fn fixed(&self) -> Option<&DeviceBatch<B>> {
        Some(self)
    }
}
