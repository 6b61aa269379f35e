//! Patches: the positions under a window, side by side.
//!
//! Gathering is linear, and so is its adjoint, scattering: both are one
//! indexed copy of whole positions. Each is the other's derivative, so a
//! gradient made of them can be differentiated again.
//!
//! Shapes: `x [T, B, positions·channels]`, patches `[T, B·places, size·channels]`
//! with the window's positions row by row. Layers that treat every channel by
//! itself take planes instead, `[size, T·B·places, channels]`: one position of
//! all windows after the other, so that a sum over the window adds whole planes.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData, backend::Backend};

use super::shape::Window;

/// Gathers the patches of one layer. Clones share the index.
#[derive(Clone, Debug)]
pub(super) struct Patches {
    window: Window,
    channels: usize,
    /// The position in the example for `[places, size]`, `None` for padding.
    positions: Arc<[Option<usize>]>,
    cache: Arc<IndexCache>,
    planes: Arc<IndexCache>,
}

impl Patches {
    pub fn new(window: Window, channels: usize) -> Self {
        Self {
            positions: window.patches().into(),
            window,
            channels,
            cache: Arc::default(),
            planes: Arc::default(),
        }
    }

    /// The window they are taken with.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Channels of a position.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The position in the example for `[places, size]`, `None` for padding.
    pub fn positions(&self) -> &[Option<usize>] {
        &self.positions
    }

    fn padded(&self) -> bool {
        self.positions.contains(&None)
    }

    /// `[T, B, positions·channels]` to `[T, B·places, size·channels]`.
    pub fn gather<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [tasks, examples, _] = x.dims();
        let (window, channels) = (&self.window, self.channels);
        let dims = [tasks, examples * window.places(), window.size() * channels];
        if window.is_pointwise() {
            return x.reshape(dims);
        }
        let index = self.rows::<B>(tasks * examples, &x.device());
        self.select(x, index).reshape(dims)
    }

    /// The adjoint of [`Patches::gather`]: every position receives the sum of
    /// what stands in its place in the patches. `[T, B·places, size·channels]`
    /// to `[T, B, positions·channels]`.
    pub fn scatter<B: Backend>(&self, patches: Tensor<B, 3>) -> Tensor<B, 3> {
        let [tasks, rows, _] = patches.dims();
        let (window, channels) = (&self.window, self.channels);
        let examples = rows / window.places();
        if window.is_pointwise() {
            return patches.reshape([tasks, examples, window.positions() * channels]);
        }
        let index = self.rows::<B>(tasks * examples, &patches.device());
        self.add_up(patches, index, [tasks, examples])
    }

    /// `[T, B, positions·channels]` to planes `[size, T·B·places, channels]`.
    pub fn gather_planes<B: Backend>(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [tasks, examples, _] = x.dims();
        let images = tasks * examples;
        let dims = [
            self.window.size(),
            images * self.window.places(),
            self.channels,
        ];
        let index = self.planes::<B>(images, &x.device());
        self.select(x, index).reshape(dims)
    }

    /// The adjoint of [`Patches::gather_planes`] for so many tasks: `[size,
    /// T·B·places, channels]` to `[T, B, positions·channels]`.
    pub fn scatter_planes<B: Backend>(&self, planes: Tensor<B, 3>, tasks: usize) -> Tensor<B, 3> {
        let images = planes.dims()[1] / self.window.places();
        let index = self.planes::<B>(images, &planes.device());
        self.add_up(planes, index, [tasks, images / tasks])
    }

    /// One value of every place and channel, `[T, B, places·channels]`, for every
    /// position of the window: `[size, T·B·places, channels]`.
    pub fn in_planes<B: Backend>(&self, y: Tensor<B, 3>) -> Tensor<B, 3> {
        let size = self.window.size();
        let numbers = y.shape().num_elements();
        let row: Tensor<B, 2> = y.reshape([1, numbers]);
        row.repeat_dim(0, size)
            .reshape([size, numbers / self.channels, self.channels])
    }

    /// The positions `index` of a batch, `[len, channels]`.
    fn select<B: Backend>(&self, x: Tensor<B, 3>, index: Tensor<B, 1, Int>) -> Tensor<B, 2> {
        let [tasks, examples, _] = x.dims();
        let images = tasks * examples;
        let mut rows: Tensor<B, 2> = x.reshape([images * self.window.positions(), self.channels]);
        if self.padded() {
            // Padding is a row of zeros behind all others.
            let zeros = Tensor::zeros([1, self.channels], &rows.device());
            rows = Tensor::cat(vec![rows, zeros], 0);
        }
        rows.select(0, index)
    }

    /// The adjoint of [`Patches::select`].
    fn add_up<B: Backend>(
        &self,
        rows: Tensor<B, 3>,
        index: Tensor<B, 1, Int>,
        [tasks, examples]: [usize; 2],
    ) -> Tensor<B, 3> {
        let (positions, channels) = (self.window.positions(), self.channels);
        let device = rows.device();
        let rows: Tensor<B, 2> = rows.reshape([index.dims()[0], channels]);
        let count = tasks * examples * positions;
        let zeros = Tensor::zeros([count + usize::from(self.padded()), channels], &device);
        let sums = zeros.select_assign(0, index, rows, IndexingUpdateOp::Add);
        sums.slice([0..count, 0..channels])
            .reshape([tasks, examples, positions * channels])
    }

    /// The row of `[images·positions, channels]` for `[images, places, size]`;
    /// padding is the row behind the last.
    fn rows<B: Backend>(&self, images: usize, device: &B::Device) -> Tensor<B, 1, Int> {
        self.cache.get(images, device, || {
            (0..images)
                .flat_map(|image| {
                    let positions = self.positions.iter();
                    positions.map(move |&position| self.row(images, image, position))
                })
                .collect()
        })
    }

    /// The same for `[size, images, places]`.
    fn planes<B: Backend>(&self, images: usize, device: &B::Device) -> Tensor<B, 1, Int> {
        let size = self.window.size();
        self.planes.get(images, device, || {
            (0..size)
                .flat_map(|k| (0..images).map(move |image| (k, image)))
                .flat_map(|(k, image)| {
                    let of_places = self.positions.chunks_exact(size);
                    of_places.map(move |window| self.row(images, image, window[k]))
                })
                .collect()
        })
    }

    fn row(&self, images: usize, image: usize, position: Option<usize>) -> usize {
        let positions = self.window.positions();
        position.map_or(images * positions, |position| image * positions + position)
    }
}

/// Index tensors on the device, one for each number of images.
#[derive(Debug, Default)]
pub(super) struct IndexCache(Mutex<Vec<(usize, Box<dyn Any + Send>)>>);

/// Training uses one or two numbers of images, evaluation a few more.
const CACHED: usize = 8;

impl IndexCache {
    /// The index for `images`, made by `make` if it is not there.
    pub fn get<B: Backend>(
        &self,
        images: usize,
        device: &B::Device,
        make: impl FnOnce() -> Vec<usize>,
    ) -> Tensor<B, 1, Int> {
        // A panic elsewhere leaves whole entries behind.
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = entries.iter().find_map(|(key, entry)| {
            let (of, index) = entry.downcast_ref::<(B::Device, Tensor<B, 1, Int>)>()?;
            (*key == images && of == device).then(|| index.clone())
        });
        found.unwrap_or_else(|| {
            let rows: Vec<i32> = make()
                .into_iter()
                // A batch of 2³¹ positions has no place in memory.
                .map(|row| i32::try_from(row).expect("fewer than 2³¹ positions"))
                .collect();
            let length = rows.len();
            let index = Tensor::from_data(TensorData::new(rows, [length]), device);
            if entries.len() == CACHED {
                entries.remove(0);
            }
            entries.push((images, Box::new((device.clone(), index.clone()))));
            index
        })
    }
}
