//! From a figure to a file: the format by the extension, whole or not at all.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use plotters::drawing::IntoDrawingArea;
use plotters::prelude::{BitMapBackend, SVGBackend};

use super::PlotError;
use super::canvas::Canvas;
use super::style::{self, SCALE};
use super::surface::Surface;

/// Plain data that can draw itself.
pub(super) trait Figure {
    /// Width and height in figure pixels.
    fn size(&self) -> (u32, u32);

    /// Draws the figure on a white canvas of that size.
    fn draw<DB: Surface>(&self, canvas: &Canvas<DB>) -> Result<(), PlotError>;
}

/// Writes the figure beside `path` and renames it, so that `path` holds the
/// old file or the whole new one.
pub(super) fn save(figure: &impl Figure, path: &Path) -> Result<(), PlotError> {
    let extension = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let write: fn(&_, &Path) -> Result<(), PlotError> = match extension.as_str() {
        "png" => write_png,
        "svg" => write_svg,
        _ => {
            return Err(PlotError::Extension {
                path: path.into(),
                found: extension,
            });
        }
    };
    let part = beside(path);
    let written = write(figure, &part)
        .and_then(|()| fs::rename(&part, path).map_err(|source| io_error(path, source)));
    written.map_err(|error| {
        // The part file may not exist; the first error is the one to tell.
        let _ = fs::remove_file(&part);
        match error {
            PlotError::Io { source, .. } => io_error(path, source),
            other => other,
        }
    })
}

/// The figure as an SVG document.
pub(super) fn to_svg(figure: &impl Figure) -> Result<String, PlotError> {
    style::register()?;
    let (width, height) = figure.size();
    let mut document = String::new();
    {
        let size = (width * SCALE, height * SCALE);
        let area = SVGBackend::with_string(&mut document, size).into_drawing_area();
        let canvas = Canvas::new(area)?;
        figure.draw(&canvas)?;
        canvas.finish()?;
    }
    // The view box keeps the fine coordinates, the picture has the asked size,
    // and lines end and join as they do in the bitmap.
    let drawn = format!("width=\"{}\" height=\"{}\"", width * SCALE, height * SCALE);
    let shown = format!(
        "width=\"{width}\" height=\"{height}\" stroke-linejoin=\"round\" stroke-linecap=\"round\""
    );
    Ok(document.replacen(&drawn, &shown, 1))
}

fn write_svg(figure: &impl Figure, path: &Path) -> Result<(), PlotError> {
    let document = to_svg(figure)?;
    fs::write(path, document).map_err(|source| io_error(path, source))
}

fn write_png(figure: &impl Figure, path: &Path) -> Result<(), PlotError> {
    style::register()?;
    let (width, height) = figure.size();
    let size = (width * SCALE, height * SCALE);
    let mut fine = vec![0; 3 * (size.0 * size.1) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut fine, size).into_drawing_area();
        let canvas = Canvas::new(area)?;
        figure.draw(&canvas)?;
        canvas.finish()?;
    }
    let pixels = shrink(&fine, size.0 as usize);
    image::save_buffer_with_format(
        path,
        &pixels,
        width,
        height,
        image::ColorType::Rgb8,
        image::ImageFormat::Png,
    )
    .map_err(|error| match error {
        image::ImageError::IoError(source) => io_error(path, source),
        other => io_error(path, io::Error::other(other)),
    })
}

/// Averages blocks of `SCALE` by `SCALE` RGB pixels.
fn shrink(fine: &[u8], fine_width: usize) -> Vec<u8> {
    let scale = SCALE as usize;
    let width = fine_width / scale;
    let mut sums = vec![0u16; 3 * width];
    let mut pixels = Vec::with_capacity(fine.len() / (scale * scale));
    for rows in fine.chunks_exact(3 * fine_width * scale) {
        sums.fill(0);
        for (index, &value) in rows.iter().enumerate() {
            let column = index / 3 % fine_width / scale;
            sums[3 * column + index % 3] += u16::from(value);
        }
        let count = (scale * scale) as u16;
        pixels.extend(sums.iter().map(|&sum| ((sum + count / 2) / count) as u8));
    }
    pixels
}

/// A hidden name in the same folder, so that renaming stays on one file system.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_stem().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

fn io_error(path: &Path, source: io::Error) -> PlotError {
    PlotError::Io {
        path: path.into(),
        source,
    }
}
