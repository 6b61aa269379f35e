//! How tensors of every kind of number are written.

use mamlet_formats::{Artifact, ArtifactWriter, Layer, Number, Shape, Tensor};

/// The tensor section after `write`, with what it returned.
fn section<T>(write: impl FnOnce(&mut ArtifactWriter) -> T) -> (Vec<u8>, T) {
    let mut writer = ArtifactWriter::new("", Shape::Vector { features: 1 });
    let tensors = write(&mut writer);
    let bytes = writer.to_bytes().expect("structure");
    let artifact = Artifact::parse(&bytes).expect("readable");
    (artifact.tensors().to_vec(), tensors)
}

#[test]
fn f16_is_rounded_to_the_nearest() {
    let step = 1.0 / 1024.0;
    // The value, and the bits of binary16 as IEEE 754 has them.
    let cases = [
        (0.0, 0x0000u16),
        (-0.0, 0x8000),
        (1.0, 0x3c00),
        (1.0 + step, 0x3c01),
        // Halfway between two: the even one.
        (1.0 + 0.5 * step, 0x3c00),
        (1.0 + 1.5 * step, 0x3c02),
        (1.0 + 0.51 * step, 0x3c01),
        (-2.0, 0xc000),
        (65_504.0, 0x7bff),
        (65_519.0, 0x7bff),
        (65_520.0, 0x7c00),
        (-1e9, 0xfc00),
        // The smallest numbers of all, and half of them.
        (2f32.powi(-24), 0x0001),
        (2f32.powi(-25), 0x0000),
        (2f32.powi(-14), 0x0400),
    ];
    let (bytes, tensor) = section(|writer| writer.f16_tensor(&cases.map(|(value, _)| value), true));
    assert_eq!(
        (tensor.number, tensor.length, tensor.adapts),
        (Number::F16, 15, true)
    );
    for ((value, bits), written) in cases.iter().zip(bytes.as_chunks::<2>().0) {
        assert_eq!(u16::from_le_bytes(*written), *bits, "{value}");
    }
    assert_eq!((bytes.len(), &bytes[30..]), (32, &[0; 2][..]));
}

#[test]
fn every_tensor_begins_at_a_whole_word_and_ends_in_zeros() {
    for length in 0..9usize {
        let (bytes, tensors) = section(|writer| {
            [
                writer.i8_tensor(&vec![-1; length]),
                writer.f16_tensor(&vec![-1.0; length], true),
                writer.i32_tensor(&vec![-1; length]),
                writer.tensor(&vec![-1.0; length], false),
            ]
        });
        let mut offset = 0;
        let sizes = [
            (Number::I8, 1),
            (Number::F16, 2),
            (Number::I32, 4),
            (Number::F32, 4),
        ];
        for (tensor, (number, size)) in tensors.iter().zip(sizes) {
            assert_eq!((tensor.offset as usize, tensor.number), (offset, number));
            assert_eq!(tensor.bytes(), Some(size * length));
            let end = offset + size * length;
            offset = end.next_multiple_of(4);
            assert!(bytes[end..offset].iter().all(|&byte| byte == 0));
        }
        assert_eq!(bytes.len(), offset);
    }
}

/// Bytes are counted by the kind of number: the same length may fit as i8 and
/// not as f16.
#[test]
fn a_tensor_reaches_as_far_as_its_numbers() {
    for (number, fits) in [
        (Number::I8, 8),
        (Number::F16, 4),
        (Number::F32, 2),
        (Number::I32, 2),
    ] {
        let written = |length| {
            let mut writer = ArtifactWriter::new("", Shape::Vector { features: 1 });
            writer.tensor(&[0.0; 2], false);
            let (offset, adapts) = (0, false);
            let vector = Tensor {
                offset,
                length,
                number,
                adapts,
            };
            writer.push(Layer::Context { vector }).to_bytes().is_ok()
        };
        assert!(written(fits) && !written(fits + 1), "{number:?}");
        assert!(!written(u32::MAX) && !written(1 << 31), "{number:?}");
    }
}
