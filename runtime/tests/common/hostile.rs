//! Sound artifacts of all kinds, and changes that break them.

use mamlet_formats::{ArtifactWriter, GoldenValues};
use rand::RngExt;

use super::{Net, Piece, Random, draw, random, values};

const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// Where each file keeps its checksum.
pub const IN_ARTIFACT: usize = 28;
pub const IN_CHECKPOINT: usize = 36;

/// Makes the checksum at `at` right.
pub fn seal(bytes: &mut [u8], at: usize) {
    let mut digest = CRC.digest();
    let (Some(front), Some(back)) = (bytes.get(..at), bytes.get(at + 4..)) else {
        return;
    };
    digest.update(front);
    digest.update(back);
    let checksum = digest.finalize().to_le_bytes();
    bytes[at..at + 4].copy_from_slice(&checksum);
}

fn word(bytes: &[u8], at: usize) -> usize {
    let word = bytes[at..at + 4].try_into().expect("four bytes");
    u32::from_le_bytes(word) as usize
}

pub fn set_word(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Small artifacts of all kinds, with golden sections of any content.
pub fn corpus() -> Vec<Vec<u8>> {
    let mut random = random(11);
    let mut nets: Vec<Net> = (0..120).map(|_| Net::any(&mut random)).collect();
    // Small ones of every kind are changed in their header more often.
    for layer in 0..60 {
        let size = draw::any_size(&mut random);
        let piece = match layer % 6 {
            0 => draw::norm(&mut random, size),
            1 => Piece::GlobalAverage,
            2 => Piece::Softmax,
            3 => {
                let window = draw::any_window(&mut random, size);
                draw::depthwise(&mut random, size, window)
            }
            _ => Piece::Flatten,
        };
        let mut pieces = vec![piece];
        if layer % 6 == 4 {
            pieces = draw::integers(&mut random, size);
        }
        let mut net = Net::of(size, pieces);
        let inputs = net.outputs();
        let mut head = draw::dense(&mut random, inputs, 2);
        head.tensors_mut().for_each(|tensor| tensor.1 = true);
        net.pieces.push(head);
        net.f16 = layer % 5 == 0;
        nets.push(net.any_recipe(&mut random));
    }
    let golden = |net: &Net, random: &mut Random| {
        let (outputs, targets, adapting) = (net.outputs(), net.targets(), net.adapting());
        ArtifactWriter::golden(
            &mut net.writer(),
            GoldenValues {
                examples: 2,
                inputs: &values(random, 2 * net.inputs),
                targets: &vec![0.0; 2 * targets],
                outputs_before: &vec![0.5; 2 * outputs],
                losses: &[1.0; 3],
                outputs_after: &vec![0.5; 2 * outputs],
                gradients: &vec![0.1; adapting],
                adapted_crc32: 1,
            },
        )
        .to_bytes()
    };
    let with_golden = nets.iter().step_by(3);
    let with_golden: Vec<_> = with_golden.map(|net| golden(net, &mut random)).collect();
    let files = nets
        .iter()
        .map(|net| net.writer().to_bytes())
        .chain(with_golden);
    files
        .map(|bytes| bytes.expect("parts that agree"))
        .collect()
}

/// A number that breaks things.
pub fn odd_word(random: &mut Random) -> u32 {
    match random.random_range(0..10) {
        0 => 0,
        1 => u32::MAX,
        2 => 1 << random.random_range(0..32),
        3 => f32::NAN.to_bits(),
        4 => f32::INFINITY.to_bits(),
        5 => f32::NEG_INFINITY.to_bits(),
        6 => f32::MAX.to_bits(),
        7 => f32::MIN_POSITIVE.to_bits() / 2,
        8 => random.random_range(0..64),
        _ => random.random(),
    }
}

/// Changes one thing of an artifact, most often in its header.
pub fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let header = 32..(32 + word(bytes, 12)).min(bytes.len());
    if header.is_empty() || bytes.len() < 40 {
        bytes.resize(64, random.random());
        return;
    }
    let in_header = random.random_range(header.clone());
    match random.random_range(0..12) {
        0..=2 => bytes[in_header] = random.random(),
        3 => bytes[in_header] = bytes[in_header].wrapping_add(1),
        4 => bytes[in_header] = bytes[in_header].wrapping_sub(1),
        5 => bytes[in_header] ^= 1 << random.random_range(0..8),
        6 => bytes[in_header] = random.random_range(0..8),
        7 => {
            // A varint of a large number instead of a byte; the end moves.
            let mut number = odd_word(random);
            let mut varint = Vec::new();
            while number > 127 {
                varint.push(number as u8 | 0x80);
                number >>= 7;
            }
            varint.push(number as u8);
            let behind = in_header + 1;
            let after = (behind + varint.len() - 1).min(header.end);
            bytes.copy_within(behind..header.end - (after - behind), after);
            let fitting = varint.len().min(header.end - in_header);
            bytes[in_header..in_header + fitting].copy_from_slice(&varint[..fitting]);
        }
        8 => {
            // A stretch of the header again, somewhere else.
            let from = random.random_range(header.clone());
            let length = random.random_range(0..16);
            let length = length.min(header.end - from).min(header.end - in_header);
            bytes.copy_within(from..from + length, in_header);
        }
        9 | 10 if bytes.len() > header.end => {
            // A number in the tensors or golden vectors.
            let at = random.random_range(header.end / 4..bytes.len() / 4) * 4;
            set_word(bytes, at, odd_word(random));
        }
        _ => {
            // Sections that end elsewhere, with lengths that add up or not.
            let (from, to) = (random.random_range(0..3), random.random_range(0..3));
            let moved = 4 * random.random_range(0..8u32);
            let (from, to) = (12 + 4 * from, 12 + 4 * to);
            let less = (word(bytes, from) as u32).wrapping_sub(moved);
            set_word(bytes, from, less);
            let more = (word(bytes, to) as u32).wrapping_add(moved);
            set_word(bytes, to, more);
        }
    }
}
