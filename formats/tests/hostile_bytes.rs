//! Readers of untrusted bytes: every change is refused, and nothing panics.

mod common;

use mamlet_formats::episodes::{EpisodesWriter, Prefix};
use mamlet_formats::{
    Artifact, ArtifactError, ArtifactWriter, Checkpoint, CheckpointError, Episodes, EpisodesError,
    HeadStart, Layer, Shape, Tensor, WriteError,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Calls everything a reader offers; what it returns does not matter here.
fn read_all(bytes: &[u8]) -> bool {
    let artifact = Artifact::parse(bytes);
    if let Ok(artifact) = &artifact {
        for layer in artifact.layers() {
            let mut tensors = layer.tensors().chain(layer.constants());
            assert!(tensors.all(|tensor| tensor.bytes().is_some_and(|n| n <= bytes.len())));
        }
        assert_eq!(artifact.layers().count(), artifact.header().layers as usize);
        if let Ok(Some(golden)) = artifact.golden() {
            assert!(golden.sizes.examples as usize <= bytes.len());
        }
        if let Ok(description) = artifact.description() {
            assert!(description.output_names().count() <= bytes.len());
        }
        if let Ok(names) = artifact.channel_names() {
            assert!(names.count() <= bytes.len());
        }
        if let Some(rejection) = artifact.rejection() {
            assert!(rejection.threshold.is_finite());
        }
    }
    let checkpoint = Checkpoint::parse(bytes);
    if let Ok(checkpoint) = &checkpoint {
        assert!(checkpoint.weights.len() < bytes.len());
    }
    let episodes = Episodes::parse(bytes);
    if let Ok(episodes) = &episodes {
        let examples = episodes.iter().map(|episode| episode.iter().count());
        assert!(examples.sum::<usize>() <= bytes.len());
    }
    artifact.is_ok() || checkpoint.is_ok() || episodes.is_ok()
}

/// Whether a reader takes the bytes for its file.
type Accepts = fn(&[u8]) -> bool;

/// The files, each with the reader that must refuse its changed bytes.
fn files() -> [(Vec<u8>, Accepts); 7] {
    [
        (common::artifact(), |bytes| Artifact::parse(bytes).is_ok()),
        (common::layers(), |bytes| Artifact::parse(bytes).is_ok()),
        (common::gesture(), |bytes| Artifact::parse(bytes).is_ok()),
        (common::policy(), |bytes| Artifact::parse(bytes).is_ok()),
        (common::prototypes(), |bytes| Artifact::parse(bytes).is_ok()),
        (common::checkpoint(), |bytes| {
            Checkpoint::parse(bytes).is_ok()
        }),
        (common::episodes(), |bytes| Episodes::parse(bytes).is_ok()),
    ]
}

#[test]
fn every_single_bit_flip_is_refused() {
    for (file, accepts) in files() {
        assert!(accepts(&file));
        for bit in 0..file.len() * 8 {
            let mut bytes = file.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!accepts(&bytes), "bit {bit}");
        }
    }
}

#[test]
fn every_flip_of_two_bits_is_refused() {
    for (file, accepts) in files() {
        for first in 0..file.len() * 8 {
            for second in (first + 1..file.len() * 8).step_by(7) {
                let mut bytes = file.clone();
                bytes[first / 8] ^= 1 << (first % 8);
                bytes[second / 8] ^= 1 << (second % 8);
                assert!(!accepts(&bytes), "bits {first} and {second}");
            }
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    for (file, accepts) in files() {
        for length in 0..file.len() {
            assert!(!accepts(&file[..length]), "{length} bytes");
        }
    }
}

#[test]
fn episodes_of_any_number_and_size_are_counted_without_overflow() {
    const COUNTS: [u32; 5] = [0, 1, 2, 1 << 31, u32::MAX];
    for index in 0..COUNTS.len().pow(5) {
        let count = |place: u32| COUNTS[index / COUNTS.len().pow(place) % COUNTS.len()];
        let prefix = Prefix {
            inputs: count(0),
            targets: count(1),
            support: count(2),
            queries: count(3),
            episodes: count(4),
        };
        let mut bytes = prefix.encode().to_vec();
        assert_eq!(Prefix::parse(&prefix.encode()), Ok(prefix));
        read_all(&bytes);
        bytes.resize(200, 0);
        read_all(&bytes);
    }
}

#[test]
fn the_writer_of_episodes_refuses_what_its_head_does_not_say() {
    let prefix = Prefix {
        inputs: 1,
        targets: 1,
        support: 1,
        queries: 1,
        episodes: 1,
    };
    let mut writer = EpisodesWriter::new(prefix);
    assert_eq!(writer.add(&[0.0], &[]), Err(EpisodesError::Numbers));
    for given in 0..4 {
        let needed = 2;
        let expected = EpisodesError::Examples { needed, given };
        match writer.clone().finish() {
            Ok(file) => assert!(given == needed && Episodes::parse(&file).is_ok()),
            Err(error) => assert_eq!(error, expected),
        }
        writer.add(&[0.0], &[1.0]).expect("an example");
    }
}

#[test]
fn bytes_behind_episodes_are_refused() {
    let mut bytes = common::episodes();
    bytes.push(0);
    let (needed, given) = (bytes.len() as u64 - 1, bytes.len());
    let error = Episodes::parse(&bytes).map(|_| ());
    assert_eq!(error, Err(EpisodesError::TooLong { needed, given }));
}

#[test]
fn bytes_behind_an_artifact_are_refused() {
    let mut bytes = common::artifact();
    let needed = bytes.len();
    for given in needed + 1..needed + 40 {
        bytes.push(0);
        let error = Artifact::parse(&bytes).map(|_| ());
        assert_eq!(error, Err(ArtifactError::TooLong { needed, given }));
    }
}

#[test]
fn a_checkpoint_may_lie_in_a_larger_flash_page() {
    let mut bytes = common::checkpoint();
    let weights = Checkpoint::parse(&bytes).map(|checkpoint| checkpoint.weights.to_vec());
    bytes.resize(4096, 0xff);
    assert_eq!(
        Checkpoint::parse(&bytes).map(|checkpoint| checkpoint.weights.to_vec()),
        weights
    );
}

#[test]
fn refusals_name_what_is_wrong() {
    let file = common::artifact();
    let length = file.len();
    let refusal = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = file.clone();
        change(&mut bytes);
        Artifact::parse(&bytes).expect_err("changed bytes")
    };
    let too_short = |needed, given| ArtifactError::TooShort { needed, given };
    assert_eq!(refusal(&|bytes| bytes.truncate(5)), too_short(32, 5));
    assert_eq!(refusal(&|bytes| bytes.truncate(40)), too_short(length, 40));
    assert_eq!(
        refusal(&|bytes| bytes[0] = 0x88),
        ArtifactError::NotAnArtifact
    );
    let version = |major, minor| ArtifactError::Version { major, minor };
    assert_eq!(refusal(&|bytes| bytes[8] = 1), version(1, 0));
    assert_eq!(refusal(&|bytes| bytes[8] = 3), version(3, 0));
    assert_eq!(refusal(&|bytes| bytes[8] = 0), version(0, 0));
    assert_eq!(refusal(&|bytes| bytes[10] = 6), version(2, 6));
    assert_eq!(refusal(&|bytes| bytes[12] += 1), ArtifactError::Prefix);
    assert_eq!(refusal(&|bytes| bytes[24] = 1), ArtifactError::Prefix);
    let corrupt = refusal(&|bytes| bytes[length - 1] ^= 1);
    assert!(
        matches!(corrupt, ArtifactError::Checksum { .. }),
        "{corrupt:?}"
    );

    let file = common::checkpoint();
    let refusal = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = file.clone();
        change(&mut bytes);
        Checkpoint::parse(&bytes).expect_err("changed bytes")
    };
    let too_short = |needed, given| CheckpointError::TooShort { needed, given };
    assert_eq!(refusal(&|bytes| bytes.truncate(39)), too_short(40, 39));
    assert_eq!(refusal(&|bytes| bytes.truncate(47)), too_short(48, 47));
    assert_eq!(
        refusal(&|bytes| bytes[7] = 0),
        CheckpointError::NotACheckpoint
    );
    let version = CheckpointError::Version { major: 1, minor: 9 };
    assert_eq!(refusal(&|bytes| bytes[10] = 9), version);
    assert_eq!(refusal(&|bytes| bytes[20] = 3), too_short(52, 48));
    let corrupt = refusal(&|bytes| bytes[20] = 1);
    assert!(
        matches!(corrupt, CheckpointError::Checksum { .. }),
        "{corrupt:?}"
    );
    // A count that no memory could hold.
    let refused = refusal(&|bytes| bytes[20..24].fill(0xff));
    assert!(
        matches!(refused, CheckpointError::TooShort { .. }),
        "{refused:?}"
    );
}

/// A section of three numbers, and tensors in and out of it.
#[test]
fn tensors_outside_their_section_are_refused() {
    let written = |offset, length| {
        let mut writer = ArtifactWriter::new("", Shape::Vector { features: 1 });
        writer.tensor(&[1.0; 3], true);
        let vector = Tensor {
            offset,
            length,
            number: mamlet_formats::Number::F32,
            adapts: true,
        };
        let bytes = writer.push(Layer::Context { vector }).to_bytes();
        (bytes.map(|_| ()), vector)
    };
    for (offset, length) in [(0, 3), (8, 1), (12, 0), (4, 0)] {
        assert_eq!(written(offset, length).0, Ok(()), "{offset}, {length}");
    }
    let big = u32::MAX;
    for (offset, length) in [
        (0, 4),
        (4, 3),
        (12, 1),
        (16, 0),
        (2, 1),
        (7, 0),
        (0, big),
        (big - 3, 1),
        (big - 3, big),
        (0, 1 << 30),
        (0, (1 << 30) + 1),
    ] {
        let (result, tensor) = written(offset, length);
        let outside = WriteError::Unreadable(ArtifactError::Tensor(tensor));
        assert_eq!(result, Err(outside), "{offset}, {length}");
    }
}

#[test]
fn a_checkpoint_is_not_written_where_it_does_not_fit() {
    let file = common::checkpoint();
    let checkpoint = Checkpoint::parse(&file).expect("readable");
    let mut out = [0xaa; 47];
    let error = CheckpointError::TooShort {
        needed: 48,
        given: 47,
    };
    assert_eq!(checkpoint.write(&common::ADAPTED, &mut out), Err(error));
    assert_eq!(out, [0xaa; 47]);
}

/// Makes the checksum of an artifact right.
fn seal(bytes: &mut [u8]) {
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let mut digest = crc.digest();
    digest.update(&bytes[..28]);
    digest.update(&bytes[32..]);
    bytes[28..32].copy_from_slice(&digest.finalize().to_le_bytes());
}

/// The words of a front end and a rejection, changed under the right checksum.
#[test]
fn pipelines_that_say_nothing_or_nonsense_are_refused() {
    let file = common::gesture();
    let words = file.len() - 40;
    let refusal = |words_changed: &[(usize, u32)]| {
        let mut bytes = file.clone();
        for (index, word) in words_changed {
            bytes[words + 4 * index..][..4].copy_from_slice(&word.to_le_bytes());
        }
        seal(&mut bytes);
        Artifact::parse(&bytes).map(|_| ())
    };
    assert_eq!(refusal(&[]), Ok(()));
    let windows = [(3, 7), (4, 0)];
    assert_eq!(refusal(&windows), Ok(()));
    let without_rejection = [(6, 0), (7, 0)];
    assert_eq!(refusal(&without_rejection), Ok(()));
    let nan = f32::NAN.to_bits();
    let refused: [&[(usize, u32)]; 12] = [
        &[(0, 0)],
        &[(1, 0)],
        &[(2, 0)],
        // Neither or both of stride and longest.
        &[(3, 7)],
        &[(4, 0)],
        &[(5, 3)],
        &[(6, 5)],
        &[(6, 0)],
        &[(7, nan)],
        &[(7, f32::INFINITY.to_bits())],
        // Names without channels.
        &[(0, 0), (1, 0), (2, 0), (4, 0), (5, 0)],
        // Four zero bytes are a word of padding, where names need none.
        &[(9, 0)],
    ];
    for words in refused {
        assert_eq!(refusal(words), Err(ArtifactError::Pipeline), "{words:?}");
    }
    // A section of less than its words, and the same in a file of version 2.0.
    let mut bytes = file.clone();
    bytes.truncate(words + 28);
    bytes[24] = 28;
    seal(&mut bytes);
    let error = Artifact::parse(&bytes).map(|_| ());
    assert_eq!(error, Err(ArtifactError::Pipeline));
    let mut bytes = file.clone();
    bytes[10] = 0;
    seal(&mut bytes);
    let error = Artifact::parse(&bytes).map(|_| ());
    assert_eq!(error, Err(ArtifactError::Prefix));
}

/// The part that says how a policy is rolled out, changed under the right checksum.
#[test]
fn a_policy_is_there_or_not_and_nothing_else() {
    let file = common::policy();
    let discount = common::POLICY.discount.to_le_bytes();
    let at = file.windows(4).position(|bytes| bytes == discount);
    let at = at.expect("a discount") - 1;
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = file.clone();
        change(&mut bytes);
        seal(&mut bytes);
        Artifact::parse(&bytes).map(|artifact| artifact.policy())
    };
    assert_eq!(changed(&|_| ()), Ok(Some(common::POLICY)));
    assert_eq!(changed(&|bytes| bytes[at] = 0), Ok(None));
    assert_eq!(changed(&|bytes| bytes[at] = 2), Err(ArtifactError::Header));
    // A horizon without an end.
    let endless = changed(&|bytes| bytes[at + 9..at + 14].fill(0xff));
    assert_eq!(endless, Err(ArtifactError::Header));
    // A longer varint of the same horizon is read too, one of more than 32 bits is not.
    let horizon = |bytes: &mut Vec<u8>, varint: [u8; 3]| {
        bytes.splice(at + 9..at + 11, varint);
        // A byte of padding less.
        bytes.remove(at + 0x19);
    };
    let long = changed(&|bytes| horizon(bytes, [0xc8, 0x81, 0x00]));
    assert_eq!(long, Ok(Some(common::POLICY)));
    let large =
        changed(&|bytes| bytes[at + 9..at + 14].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x1f]));
    assert_eq!(large, Err(ArtifactError::Header));
    // A header section that ends within it.
    for kept in 0..10 {
        let short = changed(&|bytes| {
            let header = at - 32 + kept;
            let [header, cut] = [header, header.next_multiple_of(4)];
            bytes.drain(32 + header..32 + 52);
            bytes.splice(32 + header..32 + header, vec![0x80; cut - header]);
            bytes[12] = u8::try_from(cut).expect("a short header");
        });
        assert_eq!(short, Err(ArtifactError::Header), "{kept} bytes of it");
    }
    // An older version has no such part: it is read as a description.
    assert_eq!(changed(&|bytes| bytes[10] = 3), Ok(None));
    let mut older = file.clone();
    older[10] = 3;
    seal(&mut older);
    let description = Artifact::parse(&older).map(|artifact| artifact.description().map(|_| ()));
    assert_eq!(description, Ok(Err(ArtifactError::Header)));
}

/// The part that says where the head starts, changed under the right checksum.
#[test]
fn a_head_starts_as_stored_or_at_prototypes_of_a_sound_temperature() {
    let file = common::prototypes();
    let temperature = 0.75f32.to_le_bytes();
    let at = file.windows(4).position(|bytes| bytes == temperature);
    let at = at.expect("a temperature");
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = file.clone();
        change(&mut bytes);
        seal(&mut bytes);
        Artifact::parse(&bytes).map(|artifact| artifact.head())
    };
    let hotter = |temperature: f32| {
        changed(&|bytes| bytes[at..at + 4].copy_from_slice(&temperature.to_le_bytes()))
    };
    assert_eq!(changed(&|_| ()), Ok(common::HEAD));
    let temperature = 2.0;
    assert_eq!(hotter(2.0), Ok(HeadStart::Prototypes { temperature }));
    for wrong in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert_eq!(hotter(wrong), Err(ArtifactError::Header), "{wrong}");
    }
    let stored = changed(&|bytes| bytes[at - 1] = 0);
    assert_eq!(stored, Ok(HeadStart::Stored));
    let unknown = changed(&|bytes| bytes[at - 1] = 2);
    assert_eq!(unknown, Err(ArtifactError::Header));
}

/// Every byte of the header and of the pipeline set to every value, under the
/// right checksum: what is accepted keeps to its sections.
#[test]
fn changed_headers_with_the_right_checksum_never_panic() {
    let every_kind = {
        let mut writer = ArtifactWriter::new("", Shape::Vector { features: 1 });
        let tensor = writer.tensor(&[1.0; 8], true);
        for layer in common::every_layer(tensor) {
            writer.push(layer);
        }
        writer.to_bytes().expect("structure alone is checked")
    };
    let (mut read, mut refused) = (0, 0);
    for file in [
        common::layers(),
        common::gesture(),
        common::policy(),
        common::prototypes(),
        every_kind,
    ] {
        let section = |at: usize| {
            let word = file[at..].first_chunk().copied().expect("a prefix");
            u32::from_le_bytes(word) as usize
        };
        let (header, pipeline) = (section(12), section(24));
        for at in (32..32 + header).chain(file.len() - pipeline..file.len()) {
            for value in 0..=u8::MAX {
                let mut bytes = file.clone();
                bytes[at] = value;
                seal(&mut bytes);
                match read_all(&bytes) {
                    true => read += 1,
                    false => refused += 1,
                }
            }
        }
    }
    assert!(
        read > 10_000 && refused > 10_000,
        "{read} read, {refused} refused"
    );
}

#[test]
fn random_and_changed_bytes_never_panic() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let files = files().map(|(file, _)| file);
    let mut accepted = 0;
    for case in 0..200_000 {
        let mut bytes = files[case % files.len()].clone();
        match random.random_range(0..4) {
            0 => {
                let length = random.random_range(0..200);
                bytes.resize(length, 0);
                bytes.iter_mut().for_each(|byte| *byte = random.random());
            }
            1 => bytes.truncate(random.random_range(0..bytes.len())),
            _ => {
                for _ in 0..random.random_range(1..6) {
                    let at = random.random_range(0..bytes.len());
                    bytes[at] = random.random();
                }
            }
        }
        accepted += usize::from(!files.contains(&bytes) && read_all(&bytes));
    }
    assert_eq!(accepted, 0, "CRC-32 finds all of these changes");
}
