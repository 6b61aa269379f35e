//! One image as a viewer shows it: upright, on a ground, and as deep as it is.

use std::io::Cursor;

use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageReader, Rgb};
use serde::{Deserialize, Serialize};

/// What shows where an image is transparent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// White, as viewers show it.
    #[default]
    White,
    /// Black: for what is white or light.
    Black,
}

/// What images turned out to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Images that are transparent somewhere.
    pub transparent: usize,
    /// Images that lie turned or mirrored in their files, which say so.
    pub turned: usize,
    /// Images of 16 bits a value.
    pub deep: usize,
    /// Their largest value.
    pub largest: u16,
    /// The bits that their values have.
    pub bits: u32,
}

impl Found {
    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            transparent: self.transparent + other.transparent,
            turned: self.turned + other.turned,
            deep: self.deep + other.deep,
            largest: self.largest.max(other.largest),
            bits: self.bits.max(other.bits),
        }
    }

    /// The bits that hold the largest value.
    pub(super) fn needed(self) -> u32 {
        (u16::BITS - self.largest.leading_zeros()).max(8)
    }
}

/// Decodes an image, whose values have so many bits where they are stored in 16. The
/// content says what the format is; names lie more often.
///
/// What a PNG says of its significant bits is not looked at: its values fill 16 bits all
/// the same.
pub(super) fn decode(
    bytes: &[u8],
    ground: Ground,
    bits: u32,
) -> Result<(DynamicImage, Found), String> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let reader = reader.map_err(|error| error.to_string())?;
    let decoder = reader.into_decoder();
    let mut decoder = decoder.map_err(|error| error.to_string())?;
    let orientation = decoder.orientation().map_err(|error| error.to_string())?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    image.apply_orientation(orientation);
    let mut found = Found {
        turned: usize::from(orientation != image::metadata::Orientation::NoTransforms),
        bits,
        ..Found::default()
    };
    if let Some((values, channels, colours)) = deep(&mut image) {
        let shown = |values: &[u16]| {
            values
                .chunks(channels)
                .flat_map(|v| v[..colours].to_vec())
                .max()
        };
        found.deep = 1;
        found.largest = shown(values).unwrap_or(0);
        let most = (1u32 << bits) - 1;
        if u32::from(found.largest) > most {
            return Err(format!(
                "it has a value of {}, and depth = {bits} bits hold {most} at most",
                found.largest
            ));
        }
        for pixel in values.chunks_mut(channels) {
            for value in &mut pixel[..colours] {
                let scaled = (u32::from(*value) * u32::from(u16::MAX) + most / 2) / most;
                *value = scaled as u16;
            }
        }
    }
    if let Some(shown) = on(&image, ground) {
        found.transparent = 1;
        image = shown;
    }
    Ok((image, found))
}

/// Values of 16 bits, how many a pixel has, and how many of these are colours.
fn deep(image: &mut DynamicImage) -> Option<(&mut [u16], usize, usize)> {
    match image {
        DynamicImage::ImageLuma16(image) => Some((image, 1, 1)),
        DynamicImage::ImageLumaA16(image) => Some((image, 2, 1)),
        DynamicImage::ImageRgb16(image) => Some((image, 3, 3)),
        DynamicImage::ImageRgba16(image) => Some((image, 4, 3)),
        _ => None,
    }
}

/// The image on a ground, where it is transparent.
fn on(image: &DynamicImage, ground: Ground) -> Option<DynamicImage> {
    if !image.color().has_alpha() {
        return None;
    }
    const OPAQUE: u32 = u16::MAX as u32;
    let image = image.to_rgba16();
    if image.pixels().all(|pixel| u32::from(pixel[3]) == OPAQUE) {
        return None;
    }
    let ground = match ground {
        Ground::White => OPAQUE,
        Ground::Black => 0,
    };
    let shown = ImageBuffer::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0.map(u32::from);
        let mixed = |value| {
            // At most the square of a value of 16 bits.
            let sum = value * alpha + ground * (OPAQUE - alpha);
            ((sum / OPAQUE) + u32::from(sum % OPAQUE > OPAQUE / 2)) as u16
        };
        Rgb([red, green, blue].map(mixed))
    });
    Some(DynamicImage::ImageRgb16(shown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, ImageFormat, Luma, LumaA, Rgba};

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn grey(bytes: &[u8], ground: Ground, bits: u32) -> (Vec<u8>, Found) {
        let (image, found) = decode(bytes, ground, bits).unwrap();
        (image.to_luma8().into_raw(), found)
    }

    #[test]
    fn what_is_transparent_shows_the_ground() {
        let alphas = [0, 51, 255];
        let ink = ImageBuffer::from_fn(3, 1, |x, _| Rgba([0, 0, 0, alphas[x as usize]]));
        let ink = encoded(&DynamicImage::ImageRgba8(ink), ImageFormat::Png);
        let (values, found) = grey(&ink, Ground::White, 16);
        assert_eq!((values, found.transparent), (vec![255, 204, 0], 1));
        assert_eq!(grey(&ink, Ground::Black, 16).0, [0, 0, 0]);
        let light = ImageBuffer::from_fn(3, 1, |x, _| LumaA([200u8, alphas[x as usize]]));
        let light = encoded(&DynamicImage::ImageLumaA8(light), ImageFormat::Png);
        assert_eq!(grey(&light, Ground::Black, 16).0, [0, 40, 200]);
        let opaque = ImageBuffer::from_fn(3, 1, |x, _| Rgba([x as u8, 7, 9, 255]));
        let opaque = encoded(&DynamicImage::ImageRgba8(opaque), ImageFormat::Png);
        let (image, found) = decode(&opaque, Ground::Black, 16).unwrap();
        assert_eq!(image.to_rgb8().into_raw(), [0, 7, 9, 1, 7, 9, 2, 7, 9]);
        assert_eq!(found.transparent, 0);
    }

    #[test]
    fn values_of_sixteen_bits_are_as_deep_as_they_are() {
        let values = [0u16, 2047, 4095];
        let deep = ImageBuffer::from_fn(3, 1, |x, _| Luma([values[x as usize]]));
        let deep = encoded(&DynamicImage::ImageLuma16(deep), ImageFormat::Png);
        let (shown, found) = grey(&deep, Ground::White, 16);
        assert_eq!(shown, [0, 8, 16]);
        assert_eq!((found.deep, found.largest, found.needed()), (1, 4095, 12));
        assert_eq!(grey(&deep, Ground::White, 12).0, [0, 127, 255]);
        let error = decode(&deep, Ground::White, 11).unwrap_err();
        assert!(
            error.contains("4095") && error.contains("depth = 11"),
            "{error}"
        );
        let shallow = Found {
            largest: 3,
            ..found
        };
        assert_eq!(shallow.needed(), 8);
    }

    #[test]
    fn images_stand_as_their_files_say() {
        let image = GrayImage::from_fn(16, 8, |x, y| Luma([if x < 8 && y < 4 { 250 } else { 5 }]));
        let jpeg = encoded(&DynamicImage::ImageLuma8(image), ImageFormat::Jpeg);
        // The tag of the orientation, 6: a quarter turn with the clock.
        let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let mut turned = jpeg[..2].to_vec();
        turned.extend([0xff, 0xe1, 0, exif.len() as u8 + 2]);
        turned.extend(exif);
        turned.extend(&jpeg[2..]);
        let (upright, found) = decode(&turned, Ground::White, 16).unwrap();
        assert_eq!(
            (upright.width(), upright.height(), found.turned),
            (8, 16, 1)
        );
        let upright = upright.to_luma8();
        let corners =
            [(0, 0), (7, 0), (0, 15), (7, 15)].map(|(x, y)| upright.get_pixel(x, y)[0] > 128);
        assert_eq!(
            corners,
            [false, true, false, false],
            "the top left went right"
        );
        let (as_it_lies, found) = decode(&jpeg, Ground::White, 16).unwrap();
        assert_eq!((as_it_lies.width(), found.turned), (16, 0));
    }

    #[test]
    fn other_formats_are_read() {
        let image = GrayImage::from_fn(4, 4, |x, y| Luma([(x * 16 + y) as u8]));
        let image = DynamicImage::ImageLuma8(image);
        for format in [ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::WebP] {
            let bytes = encoded(&image, format);
            let (values, _) = grey(&bytes, Ground::White, 16);
            assert_eq!(values, image.as_bytes(), "{format:?}");
        }
    }
}
