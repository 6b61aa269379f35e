//! What data is, in a few numbers: whether a run goes on with what it was started on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::data::counted;

/// Differences that are told; more are counted.
const TOLD: usize = 5;

/// A digest of all examples that tasks are drawn from, part by part. It is of the numbers
/// that training sees, not of files, so the same data in another place has the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDigest {
    /// What a part is, such as `user`.
    part: String,
    /// What a part has several of, such as `recording`.
    example: String,
    /// Parts in order, each by name.
    parts: Vec<(String, Part)>,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    examples: usize,
    /// CRC-64/XZ, hexadecimal.
    digest: String,
}

impl DataDigest {
    /// Of parts, each with its name, the number of its examples and a sum of them.
    pub fn new(
        part: &str,
        example: &str,
        parts: impl IntoIterator<Item = (String, usize, DataSum)>,
    ) -> Self {
        let parts = parts.into_iter().map(|(name, examples, sum)| {
            let digest = format!("{:016x}", sum.0.finalize());
            (name, Part { examples, digest })
        });
        Self {
            part: part.to_owned(),
            example: example.to_owned(),
            parts: parts.collect(),
        }
    }

    /// In which parts `other` differs, in words; empty where it is the same.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        if (&self.part, &self.example) != (&other.part, &other.example) {
            return vec![format!(
                "another kind of data: {}s, then {}s",
                self.example, other.example
            )];
        }
        let [own, theirs] =
            [self, other].map(|digest| digest.parts.iter().map(|(n, p)| (n, p)).collect());
        let (own, theirs): (BTreeMap<_, _>, BTreeMap<_, _>) = (own, theirs);
        let part = &self.part;
        let mut all = Vec::new();
        for (name, before) in &own {
            match theirs.get(name) {
                None => all.push(format!("{part} {name} is missing")),
                Some(now) if now.examples != before.examples => all.push(format!(
                    "{part} {name} has {}, and had {}",
                    counted(now.examples, &self.example),
                    before.examples
                )),
                Some(now) if now.digest != before.digest => {
                    let count = counted(before.examples, &self.example);
                    all.push(format!("{part} {name}: other values in its {count}"));
                }
                Some(_) => {}
            }
        }
        let new = theirs.keys().filter(|name| !own.contains_key(*name));
        all.extend(new.map(|name| format!("{part} {name} is new")));
        if all.is_empty() && self != other {
            all.push(format!("the {part}s come in another order"));
        }
        let more = all.len().saturating_sub(TOLD);
        all.truncate(TOLD);
        if more > 0 {
            all.push(format!("and {more} more"));
        }
        all
    }
}

/// The sum of a part: CRC-64/XZ.
pub struct DataSum(crc::Digest<'static, u64, crc::Table<16>>);

static CRC: crc::Crc<u64, crc::Table<16>> = crc::Crc::<u64, crc::Table<16>>::new(&crc::CRC_64_XZ);

impl Default for DataSum {
    fn default() -> Self {
        Self(CRC.digest())
    }
}

impl DataSum {
    /// Adds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds a word, which does not run into the next.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.bytes(&[0]);
    }

    /// Adds numbers.
    pub fn numbers(&mut self, numbers: impl IntoIterator<Item = f64>) {
        for number in numbers {
            self.bytes(&number.to_le_bytes());
        }
    }

    /// Adds the values of an example, and how many there are.
    pub fn values(&mut self, values: &[f32]) {
        self.bytes(&(values.len() as u64).to_le_bytes());
        let mut bytes = Vec::with_capacity(4 * values.len());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        self.bytes(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(parts: &[(&str, &[f32])]) -> DataDigest {
        let parts = parts.iter().map(|(name, values)| {
            let mut sum = DataSum::default();
            sum.values(values);
            ((*name).to_owned(), values.len(), sum)
        });
        DataDigest::new("user", "recording", parts)
    }

    #[test]
    fn differences_are_told_part_by_part() {
        let before = digest(&[("ann", &[1.0, 2.0]), ("ben", &[3.0]), ("eve", &[4.0])]);
        assert!(before.differences(&before.clone()).is_empty());
        let now = digest(&[("ann", &[1.0, 2.5]), ("ben", &[3.0, 3.0]), ("kim", &[4.0])]);
        assert_eq!(
            before.differences(&now),
            [
                "user ann: other values in its 2 recordings",
                "user ben has 2 recordings, and had 1",
                "user eve is missing",
                "user kim is new",
            ]
        );
        let turned = digest(&[("ben", &[3.0]), ("ann", &[1.0, 2.0]), ("eve", &[4.0])]);
        assert_eq!(
            before.differences(&turned),
            ["the users come in another order"]
        );
        let names: Vec<String> = (0..9).map(|at| at.to_string()).collect();
        let many: Vec<(&str, &[f32])> = names.iter().map(|n| (&n[..], &[0.0][..])).collect();
        let told = digest(&many).differences(&digest(&[]));
        assert_eq!((told.len(), &told[5][..]), (6, "and 4 more"));
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let digest = digest(&[("ann", &[1.0, 2.0]), ("ben", &[])]);
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<DataDigest>(&text).unwrap(), digest);
    }
}
