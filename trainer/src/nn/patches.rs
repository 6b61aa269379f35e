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
use crate::device::is_host;

/// Gathers the patches of one layer. Clones share the index.
#[derive(Clone, Debug)]
pub(super) struct Patches {
    window: Window,
    channels: usize,
    /// The position in the example for `[places, size]`, `None` for padding.
    positions: Arc<[Option<usize>]>,
    cache: Arc<IndexCache>,
    planes: Arc<IndexCache>,
    back: Arc<IndexCache>,
    planes_back: Arc<IndexCache>,
}

impl Patches {
    pub fn new(window: Window, channels: usize) -> Self {
        Self {
            positions: window.patches().into(),
            window,
            channels,
            cache: Arc::default(),
            planes: Arc::default(),
            back: Arc::default(),
            planes_back: Arc::default(),
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
        let rows = tasks * examples * window.positions();
        let fill = self.padded().then_some(0.0);
        select(x.reshape([rows, channels]), fill, index).reshape(dims)
    }

    /// The adjoint's gather. For every position and every `k`, it takes the values of the
    /// place whose window has its `k`-th position there, which is one place at most, and 0
    /// where there is none. `y [T, B, places·C]` to `[T, B·positions, size·C]`.
    pub fn gather_back<B: Backend>(&self, y: Tensor<B, 3>) -> Tensor<B, 3> {
        let [tasks, examples, width] = y.dims();
        let window = &self.window;
        let images = tasks * examples;
        let channels = width / window.places();
        let dims = [
            tasks,
            examples * window.positions(),
            window.size() * channels,
        ];
        if window.is_pointwise() {
            return y.reshape(dims);
        }
        let seen = self.seen();
        let index = self.back.get(images, &y.device(), || {
            let of_image = |image| {
                let place = move |place: &Option<usize>| {
                    place.map_or(images * window.places(), |place| {
                        image * window.places() + place
                    })
                };
                seen.iter().map(place)
            };
            (0..images).flat_map(of_image).collect()
        });
        let rows = y.reshape([images * window.places(), channels]);
        let fill = seen.contains(&None).then_some(0.0);
        select(rows, fill, index).reshape(dims)
    }

    /// The place of the window whose `k`-th position is over a position, for
    /// `[positions, size]`.
    fn seen(&self) -> Vec<Option<usize>> {
        let size = self.window.size();
        let mut seen = vec![None; self.window.positions() * size];
        for (place, window) in self.positions.chunks_exact(size).enumerate() {
            for (k, position) in window.iter().enumerate() {
                if let Some(position) = position {
                    seen[position * size + k] = Some(place);
                }
            }
        }
        seen
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
        self.gather_planes_filled(x, 0.0)
    }

    /// [`Patches::gather_planes`] with `fill` where a window reaches over the edge.
    pub fn gather_planes_filled<B: Backend>(&self, x: Tensor<B, 3>, fill: f32) -> Tensor<B, 3> {
        let [tasks, examples, _] = x.dims();
        let images = tasks * examples;
        let dims = [
            self.window.size(),
            images * self.window.places(),
            self.channels,
        ];
        let index = self.planes::<B>(images, &x.device());
        let rows = images * self.window.positions();
        let fill = self.padded().then_some(fill);
        select(x.reshape([rows, self.channels]), fill, index).reshape(dims)
    }

    /// The adjoint of [`Patches::gather_planes`] for so many tasks: `[size,
    /// T·B·places, channels]` to `[T, B, positions·channels]`.
    pub fn scatter_planes<B: Backend>(&self, planes: Tensor<B, 3>, tasks: usize) -> Tensor<B, 3> {
        let images = planes.dims()[1] / self.window.places();
        if is_host::<B>() {
            let index = self.planes::<B>(images, &planes.device());
            self.add_up(planes, index, [tasks, images / tasks])
        } else {
            self.add_planes(planes, [tasks, images / tasks])
        }
    }

    /// The same for devices whose sums in memory are slow: every position gathers
    /// what belongs to it, as many rows as the position in most windows has.
    fn add_planes<B: Backend>(
        &self,
        planes: Tensor<B, 3>,
        [tasks, examples]: [usize; 2],
    ) -> Tensor<B, 3> {
        let (size, places) = (self.window.size(), self.window.places());
        let (positions, channels) = (self.window.positions(), self.channels);
        let images = tasks * examples;
        let seen = self.seen();
        let of_position = |k: &[Option<usize>]| k.iter().flatten().count();
        let counts = || seen.chunks_exact(size).map(of_position);
        // A window has a place, and that a position.
        let most = counts().max().unwrap_or(1);
        let filled = counts().any(|count| count < most);
        let index = self.planes_back.get(images, &planes.device(), || {
            let rows_of = |image: usize, position: usize| {
                let seen = seen[position * size..][..size].iter().enumerate();
                seen.filter_map(move |(k, place)| Some((k * images + image) * places + (*place)?))
            };
            let none = size * images * places;
            (0..most)
                .flat_map(|nth| (0..images).map(move |image| (nth, image)))
                .flat_map(|(nth, image)| {
                    (0..positions)
                        .map(move |position| rows_of(image, position).nth(nth).unwrap_or(none))
                })
                .collect()
        });
        let rows: Tensor<B, 2> = planes.reshape([size * images * places, channels]);
        let rows: Tensor<B, 2> = select(rows, filled.then_some(0.0), index)
            .reshape([most, images * positions * channels]);
        let sums = if most > 1 { rows.sum_dim(0) } else { rows };
        sums.reshape([tasks, examples, positions * channels])
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

    /// The adjoint of [`select`]ing `index` of a batch.
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

/// The rows `index` of `[n, channels]`. Row `n` is one of `fill`, where that is given.
fn select<B: Backend>(
    rows: Tensor<B, 2>,
    fill: Option<f32>,
    index: Tensor<B, 1, Int>,
) -> Tensor<B, 2> {
    let rows = match fill {
        Some(fill) => {
            let row = Tensor::full([1, rows.dims()[1]], fill, &rows.device());
            Tensor::cat(vec![rows, row], 0)
        }
        None => rows,
    };
    rows.select(0, index)
}

/// Index tensors on the device, one for each number of images.
#[derive(Debug, Default)]
struct IndexCache(Mutex<Vec<(usize, Box<dyn Any + Send>)>>);

/// Training uses one or two numbers of images, evaluation a few more.
const CACHED: usize = 8;

impl IndexCache {
    /// The index for `images`, made by `make` if it is not there.
    fn get<B: Backend>(
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

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::Distribution;

    use super::super::shape::{Extent, Padding, Shape};
    use super::*;

    #[test]
    fn planes_add_up_the_same_however_they_are_summed() {
        let device = Default::default();
        let image = Shape::Image {
            height: 7,
            width: 6,
            channels: 3,
        };
        for (kernel, stride, padding) in [
            (2, 2, Padding::Valid),
            (2, 2, Padding::Same),
            (3, 1, Padding::Same),
            (3, 2, Padding::Same),
            (2, 3, Padding::Valid),
        ] {
            let [kernel, stride] = [kernel, stride].map(Extent::Square);
            let window = Window::new(&image, kernel, stride, padding).unwrap();
            let dims = [window.size(), 6 * window.places(), 3];
            let patches = Patches::new(window, 3);
            let planes = Tensor::<Flex, 3>::random(dims, Distribution::Default, &device);
            let gathered = patches.add_planes(planes.clone(), [3, 2]);
            let difference = gathered - patches.scatter_planes(planes, 3);
            let most = difference.abs().max().into_scalar();
            assert!(most < 1e-5, "{kernel:?} {stride:?} {padding:?}: {most}");
        }
    }
}
