//! Artifacts: what is no artifact is refused, and golden vectors are verified.

use std::fs;

use mamlet_simulator::golden::attach;

use super::{Desk, LINE, SUPPORT, classifier, run, sim};

#[test]
fn corrupt_artifacts_are_refused() {
    let desk = Desk::new();
    let support = desk.file("support.csv", SUPPORT);
    let good = fs::read(LINE).expect("the artifact");
    let mut flipped = good.clone();
    flipped[50] ^= 1;
    let (mut newer, mut older) = (good.clone(), good.clone());
    (newer[8], older[8]) = (3, 1);
    let text = SUPPORT.repeat(10).into_bytes();
    let cases: [(&[u8], &str); 6] = [
        (&flipped, "checksum"),
        (&good[..good.len() - 4], "truncated"),
        (&newer, "3.0"),
        (&older, "1.0"),
        (b"", "truncated"),
        (&text, "not a mamlet artifact"),
    ];
    for (bytes, named) in cases {
        let file = desk.file("bad.mamlet", bytes);
        run(&file, &support, &[]).refuses(1, &["bad.mamlet", named]);
        sim(["verify".as_ref(), file.as_os_str()]).refuses(1, &["bad.mamlet", named]);
    }
}

#[test]
fn golden_vectors_are_verified() {
    let said = sim(["verify", LINE]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    for expected in ["6 of 6", "11 of 11", "2 of 2", "adapted weights  identical"] {
        assert!(
            said.out.contains(expected),
            "{expected:?} is not in {said:?}"
        );
    }
    let desk = Desk::new();
    let writer = classifier();
    let bytes = attach(&writer, &[1.0, 0.0, 0.0, 1.0], &[0.0, 1.0]).expect("golden vectors");
    let file = desk.file("g.mamlet", bytes);
    assert_eq!(sim(["verify".as_ref(), file.as_os_str()]).code, Some(0));
    let file = desk.file("none.mamlet", writer.to_bytes().expect("parts that agree"));
    sim(["verify".as_ref(), file.as_os_str()]).refuses(1, &["none.mamlet", "no golden vectors"]);
}

/// Whatever word of the golden section is changed, and the checksum made right
/// again: the artifact does not pass.
#[test]
fn tampered_golden_vectors_do_not_pass() {
    const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let desk = Desk::new();
    let good = fs::read(LINE).expect("the artifact");
    let length =
        |at: usize| u32::from_le_bytes([good[at], good[at + 1], good[at + 2], good[at + 3]]);
    let section = good.len() - length(20) as usize..good.len();
    let sealed = |mut bytes: Vec<u8>| {
        let checksum = CRC.checksum(&[&bytes[..28], &bytes[32..]].concat());
        bytes[28..32].copy_from_slice(&checksum.to_le_bytes());
        bytes
    };
    let verify = |bytes: Vec<u8>, what: String| {
        let file = desk.file("tampered.mamlet", sealed(bytes));
        let said = sim(["verify".as_ref(), file.as_os_str()]);
        assert_eq!(said.code, Some(1), "{what}: {said:?}");
        assert!(said.err.contains("tampered.mamlet"), "{what}: {said:?}");
    };
    for at in section.clone().step_by(4) {
        // The lowest bit of a number, and one of its exponent.
        for (bit, byte) in [(1, at), (0x40, at + 3)] {
            // An input of 1e-45 instead of 0 leads to the same outputs.
            if bit == 1 && good[at..at + 4] == [0; 4] {
                continue;
            }
            let mut bytes = good.clone();
            bytes[byte] ^= bit;
            verify(bytes, format!("byte {byte}"));
        }
    }
    // A section that promises nothing, or four billion empty examples.
    for sizes in [[0u32; 6], [u32::MAX, 0, 0, 0, 0, 0], [3, 1, 1, 0, 10, 0]] {
        let numbers = sizes[0].saturating_mul(sizes[1] + sizes[2]) + sizes[4] + 2;
        let mut bytes = good[..section.start].to_vec();
        bytes.extend(sizes.map(u32::to_le_bytes).as_flattened());
        let numbers = 4 * numbers as usize;
        bytes.extend(&good[section.start + 24..][..numbers]);
        bytes[20..24].copy_from_slice(&(24 + numbers as u32).to_le_bytes());
        verify(bytes, format!("{sizes:?}"));
    }
}
