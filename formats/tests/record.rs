//! The prefix of a record: the committed bytes, the specification, and damage.

mod spec;

use mamlet_formats::record::{ALIGNMENT, PREFIX, Record, UnknownVersion};
use mamlet_formats::{Checkpoint, Crc32};
use spec::table;

const RECORD: &[u8] = include_bytes!("data/tiny.mamrecord");
const CHECKPOINT: &[u8] = include_bytes!("data/tiny.mamweights");

/// The 300th record of a store, of the checkpoint in the specification.
fn record() -> Record {
    Record {
        generation: 300,
        profile: 2,
        length: CHECKPOINT.len() as u32,
    }
}

fn prefix() -> [u8; PREFIX] {
    *RECORD.first_chunk().expect("a prefix")
}

/// The checksum that belongs to changed bytes.
fn sealed(mut bytes: [u8; PREFIX]) -> [u8; PREFIX] {
    let mut crc = Crc32::new();
    crc.update(&bytes[..28]);
    bytes[28..].copy_from_slice(&crc.finish().to_le_bytes());
    bytes
}

#[test]
fn the_committed_bytes_are_the_specified_ones() {
    assert_eq!(table("tiny.mamrecord"), RECORD);
    assert_eq!(record().encode(), prefix());
    assert_eq!(Record::parse(&prefix()), Ok(Some(record())));
    let carried = &RECORD[PREFIX..PREFIX + CHECKPOINT.len()];
    assert_eq!(carried, CHECKPOINT);
    assert!(Checkpoint::parse(carried).is_ok());
    assert_eq!(RECORD.len(), Record::size(CHECKPOINT.len()));
    assert_eq!([0, 32, 33].map(Record::size), [64, 64, 128]);
    assert_eq!(Record::size(usize::MAX), usize::MAX);
    assert_eq!(ALIGNMENT, 64);
}

#[test]
fn every_single_bit_flip_is_no_record() {
    for bit in 0..PREFIX * 8 {
        let mut bytes = prefix();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(Record::parse(&bytes), Ok(None), "bit {bit}");
    }
    assert_eq!(Record::parse(&[0xff; PREFIX]), Ok(None));
    assert_eq!(Record::parse(&[0; PREFIX]), Ok(None));
}

#[test]
fn other_versions_are_named_and_other_fields_are_no_record() {
    for (at, major, minor) in [(8, 2, 0), (10, 1, 2)] {
        let mut bytes = prefix();
        bytes[at] = 2;
        let unknown = UnknownVersion { major, minor };
        assert_eq!(Record::parse(&sealed(bytes)), Err(unknown));
    }
    for at in [17, 18, 19, 24, 27] {
        let mut bytes = prefix();
        bytes[at] = 1;
        assert_eq!(Record::parse(&sealed(bytes)), Ok(None), "byte {at}");
    }
}
