//! Images with their padding written out, whose windows [`super::conv`] works on.

use rayon::prelude::*;

use super::super::shape::Window;
use super::per_chunk;

/// Where the windows of one image are among its numbers.
pub(super) struct Grid {
    /// Numbers of an image.
    pub image: usize,
    /// Numbers of one of its rows.
    pub row: usize,
    /// Where the window of every place starts.
    pub starts: Vec<usize>,
    /// Rows of the kernel.
    pub kernel_rows: usize,
    /// Numbers under a row of the kernel.
    pub run: usize,
    pub channels: usize,
}

impl Grid {
    /// Of images with their padding written out.
    pub fn of(window: &Window, channels: usize) -> Self {
        let [rows, columns] = window.padded();
        let row = columns * channels;
        let [down, right] = window.stride;
        let places = (0..window.output[0]).flat_map(|y| {
            (0..window.output[1]).map(move |x| y * down * row + x * right * channels)
        });
        Self {
            image: rows * row,
            row,
            starts: places.collect(),
            kernel_rows: window.kernel[0],
            run: window.kernel[1] * channels,
            channels,
        }
    }

    /// Of an image that is a matrix, each of whose rows is a window.
    pub fn of_rows(rows: usize, width: usize) -> Self {
        Self {
            image: rows * width,
            row: width,
            starts: (0..rows).map(|row| row * width).collect(),
            kernel_rows: 1,
            run: width,
            channels: width,
        }
    }

    /// Whether padded images are the images.
    pub fn is_whole(&self, window: &Window) -> bool {
        self.image == window.positions() * self.channels
    }

    /// Where in a padded image each of the image's rows starts.
    fn rows(&self, window: &Window) -> impl Iterator<Item = usize> + use<> {
        let (row, [above, left]) = (self.row, window.before);
        let left = left * self.channels;
        (above..above + window.input[0]).map(move |y| y * row + left)
    }

    /// Images with their padding.
    pub fn padded(&self, images: &[f32], window: &Window) -> Vec<f32> {
        let width = window.input[1] * self.channels;
        let of_image = window.input[0] * width;
        let mut padded = vec![0.0; images.len() / of_image * self.image];
        let images_per_chunk = per_chunk(self.image);
        let chunks = padded
            .par_chunks_mut(images_per_chunk * self.image)
            .zip(images.par_chunks(images_per_chunk * of_image));
        chunks.for_each(|(padded, images)| {
            let images = images.chunks_exact(of_image);
            for (image, padded) in images.zip(padded.chunks_exact_mut(self.image)) {
                for (row, start) in image.chunks_exact(width).zip(self.rows(window)) {
                    padded[start..][..width].copy_from_slice(row);
                }
            }
        });
        padded
    }

    /// Writes an image without its padding.
    pub fn cut(&self, padded: &[f32], window: &Window, image: &mut [f32]) {
        let width = window.input[1] * self.channels;
        for (row, start) in image.chunks_exact_mut(width).zip(self.rows(window)) {
            row.copy_from_slice(&padded[start..][..width]);
        }
    }

    /// Adds what stands under every window, `[places, k·channels]`, to an image.
    pub fn scatter(&self, windows: &[f32], image: &mut [f32]) {
        let of_window = self.kernel_rows * self.run;
        for (&start, window) in self.starts.iter().zip(windows.chunks_exact(of_window)) {
            for (row, values) in window.chunks_exact(self.run).enumerate() {
                let image = &mut image[start + row * self.row..][..self.run];
                for (x, value) in image.iter_mut().zip(values) {
                    *x += value;
                }
            }
        }
    }

    /// Where the window of every place of so many images starts.
    pub fn all_starts(&self, images: usize) -> Vec<usize> {
        (0..images)
            .flat_map(|image| {
                self.starts
                    .iter()
                    .map(move |start| image * self.image + start)
            })
            .collect()
    }
}
