//! What one example looks like, and how a window moves over it.
//!
//! An example is row-major `[height, width, channels]`, flattened to
//! `features` numbers. A sequence `[length, channels]` has height 1 and a
//! vector is one position whose channels are its features.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The shape of one example.
///
/// Written as its sizes: `10`, `[49, 10]` (length, channels) or `[28, 28, 1]`
/// (height, width, channels).
///
/// ```
/// use mamlet_trainer::nn::Shape;
/// let image = Shape::Image { height: 28, width: 28, channels: 1 };
/// assert_eq!(image.features(), 784);
/// assert_eq!(serde_json::to_string(&image)?, "[28,28,1]");
/// assert_eq!(serde_json::from_str::<Shape>("3")?, Shape::Vector(3));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Sizes", into = "Sizes")]
pub enum Shape {
    /// So many features without order.
    Vector(usize),
    /// Positions in a row.
    Sequence {
        /// Positions.
        length: usize,
        /// Features of a position.
        channels: usize,
    },
    /// Positions in a grid.
    Image {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Features of a position.
        channels: usize,
    },
}

/// How a [`Shape`] is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Sizes {
    Vector(usize),
    Sequence([usize; 2]),
    Image([usize; 3]),
}

impl From<Sizes> for Shape {
    fn from(sizes: Sizes) -> Self {
        match sizes {
            Sizes::Vector(features) => Self::Vector(features),
            Sizes::Sequence([length, channels]) => Self::Sequence { length, channels },
            Sizes::Image([height, width, channels]) => Self::Image {
                height,
                width,
                channels,
            },
        }
    }
}

impl From<Shape> for Sizes {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::Vector(features) => Self::Vector(features),
            Shape::Sequence { length, channels } => Self::Sequence([length, channels]),
            Shape::Image { .. } => Self::Image(shape.grid()),
        }
    }
}

impl Shape {
    /// Numbers of one example.
    pub fn features(&self) -> usize {
        self.positions() * self.channels()
    }

    /// Features of one position; all of them for a vector.
    pub fn channels(&self) -> usize {
        self.grid()[2]
    }

    /// Positions: height times width.
    pub fn positions(&self) -> usize {
        let [height, width, _] = self.grid();
        height * width
    }

    /// `[height, width, channels]`.
    pub fn grid(&self) -> [usize; 3] {
        match *self {
            Self::Vector(features) => [1, 1, features],
            Self::Sequence { length, channels } => [1, length, channels],
            Self::Image {
                height,
                width,
                channels,
            } => [height, width, channels],
        }
    }

    /// The same kind of shape with other sizes. A vector stays as it is.
    pub(super) fn resized(&self, [height, width]: [usize; 2], channels: usize) -> Self {
        match self {
            Self::Vector(_) => *self,
            Self::Sequence { .. } => Self::Sequence {
                length: width,
                channels,
            },
            Self::Image { .. } => Self::Image {
                height,
                width,
                channels,
            },
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vector(features) => write!(f, "a vector of {features}"),
            Self::Sequence { length, channels } => {
                write!(f, "a sequence of {length} positions × {channels} channels")
            }
            Self::Image {
                height,
                width,
                channels,
            } => write!(f, "an image of {height}×{width} × {channels} channels"),
        }
    }
}

/// A kernel or a stride: one number for every direction, or `[height, width]`.
/// A sequence only has the second direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Extent {
    /// The same in every direction there is.
    Square(usize),
    /// Height and width.
    Rectangle([usize; 2]),
}

impl Extent {
    /// `[height, width]` on a shape of this kind.
    pub fn on(self, shape: &Shape) -> [usize; 2] {
        match (self, shape) {
            (Self::Square(size), Shape::Image { .. }) => [size, size],
            (Self::Square(size), _) => [1, size],
            (Self::Rectangle(sizes), _) => sizes,
        }
    }
}

/// What happens where a window reaches over the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// As many windows as `ceil(size / stride)`; what they lack is nothing
    /// (zeros for a convolution), half of it before and the odd one after.
    Same,
    /// Only windows that lie inside.
    Valid,
}

/// A window that moves over the positions of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Positions of the input, `[height, width]`.
    pub input: [usize; 2],
    /// Positions of the result.
    pub output: [usize; 2],
    /// Positions under it.
    pub kernel: [usize; 2],
    /// From one place to the next.
    pub stride: [usize; 2],
    /// Positions missing above and to the left.
    pub before: [usize; 2],
}

impl Window {
    /// # Errors
    /// A remedy, if the window does not fit.
    pub fn new(
        shape: &Shape,
        kernel: Extent,
        stride: Extent,
        padding: Padding,
    ) -> Result<Self, String> {
        if matches!(shape, Shape::Vector(_)) {
            return Err(
                "it needs positions; put it before `flatten` and `dense` layers, on tasks whose \
                 examples are sequences or images"
                    .into(),
            );
        }
        let [height, width, _] = shape.grid();
        let (input, kernel, stride) = ([height, width], kernel.on(shape), stride.on(shape));
        if kernel.contains(&0) || stride.contains(&0) {
            return Err("its kernel and stride must be at least 1".into());
        }
        if matches!(shape, Shape::Sequence { .. }) && (kernel[0] != 1 || stride[0] != 1) {
            return Err(
                "a sequence has one direction; give kernel and stride as one number".into(),
            );
        }
        let (mut output, mut before) = ([0; 2], [0; 2]);
        for axis in 0..2 {
            let (size, kernel, stride) = (input[axis], kernel[axis], stride[axis]);
            match padding {
                Padding::Same => {
                    output[axis] = size.div_ceil(stride);
                    let reach = (output[axis].max(1) - 1) * stride + kernel;
                    before[axis] = reach.saturating_sub(size) / 2;
                }
                Padding::Valid if kernel > size => {
                    return Err(format!(
                        "its window of {kernel} does not fit into {size}; use a smaller kernel, \
                         padding = \"same\" or less downsampling before it"
                    ));
                }
                Padding::Valid => output[axis] = (size - kernel) / stride + 1,
            }
        }
        Ok(Self {
            input,
            output,
            kernel,
            stride,
            before,
        })
    }

    /// Places of the window, one for every position of the result.
    pub fn places(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Positions under the window, padding included.
    pub fn size(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Positions of the input.
    pub fn positions(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// Whether the result is the input, position by position.
    pub fn is_pointwise(&self) -> bool {
        self.size() == 1 && self.stride == [1, 1]
    }

    /// Positions of the input and of what its windows lack, `[height, width]`.
    pub fn padded(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let reach = (self.output[axis] - 1) * self.stride[axis] + self.kernel[axis];
            reach.max(self.before[axis] + self.input[axis])
        })
    }

    /// The window over the result that sees, from each position, all places that see it.
    /// A convolution with it and with the flipped kernel takes gradients back. `None` where
    /// places are skipped.
    pub fn back(&self) -> Option<Self> {
        (self.stride == [1, 1]).then(|| Self {
            input: self.output,
            output: self.input,
            kernel: self.kernel,
            stride: self.stride,
            before: [0, 1].map(|axis| self.kernel[axis] - 1 - self.before[axis]),
        })
    }

    /// The positions under the window at every place, row by row:
    /// `[places, size]`, `None` for padding.
    pub fn patches(&self) -> Vec<Option<usize>> {
        let mut patches = Vec::with_capacity(self.places() * self.size());
        for y in 0..self.output[0] {
            for x in 0..self.output[1] {
                for ky in 0..self.kernel[0] {
                    for kx in 0..self.kernel[1] {
                        let row = (y * self.stride[0] + ky).checked_sub(self.before[0]);
                        let column = (x * self.stride[1] + kx).checked_sub(self.before[1]);
                        patches.push(match (row, column) {
                            (Some(row), Some(column))
                                if row < self.input[0] && column < self.input[1] =>
                            {
                                Some(row * self.input[1] + column)
                            }
                            _ => None,
                        });
                    }
                }
            }
        }
        patches
    }
}
