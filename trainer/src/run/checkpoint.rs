//! Checkpoints: everything training needs to go on as if it had not stopped.
//!
//! A file is the magic bytes `mamletT4`, a postcard message, and the CRC-64/XZ
//! of both, little-endian. Files that begin with `mamletT3` lack the last field of
//! the message, those that begin with `mamletT2` the last two.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::meta::OptimiserState;
use crate::nn::LayerStatistics;

const MAGIC: &[u8; 8] = b"mamletT4";
/// Earlier magic bytes, each with the number of fields that its message lacks, all of
/// which may be absent.
const EARLIER: [(&[u8; 8], usize); 2] = [(b"mamletT3", 1), (b"mamletT2", 2)];

/// The state of training after `iteration` iterations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// CRC-64/XZ of the run's config.
    pub config_digest: u64,
    /// Iterations done.
    pub iteration: u64,
    /// All parameters, tensor after tensor.
    pub params: Vec<f32>,
    /// Logarithms of the learned inner rates, step after step; empty if fixed.
    pub log_rates: Vec<f32>,
    /// Adam for the parameters.
    pub optimiser: OptimiserState,
    /// Adam for the rates.
    pub rates_optimiser: OptimiserState,
    /// Sum of the losses since the last line of metrics.
    pub window_sum: f32,
    /// Their number.
    pub window_count: u32,
    /// The best validation so far.
    pub best: Option<Best>,
    /// The statistics that batch norms train with, once they are fixed.
    pub statistics: Vec<LayerStatistics>,
    /// The mean along the way, where one is kept.
    pub ema: Option<EmaState>,
    /// What a policy that acts has come to.
    pub acting: Option<ActingState>,
}

/// What is counted where a policy acts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActingState {
    /// Sums, since the last line of metrics, of the mean returns after 0, 1, ... inner
    /// steps.
    pub return_sums: Vec<f64>,
    /// Steps taken in environments since the start of training, validations left out.
    pub environment_steps: u64,
    /// Weight of the divergence, where it is led to a target.
    pub divergence_weight: f64,
}

/// The exponential mean of the parameters, with what it takes to go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmaState {
    /// Points that it is the mean of.
    pub count: u64,
    /// All parameters, tensor after tensor.
    pub params: Vec<f32>,
    /// Logarithms of the learned inner rates, step after step; empty if fixed.
    pub log_rates: Vec<f32>,
}

/// The parameters of the best validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// After this many iterations.
    pub iteration: u64,
    /// Their validation loss or, kept by accuracy, the share classified wrongly.
    pub score: f64,
    /// All parameters, tensor after tensor.
    pub params: Vec<f32>,
    /// Logarithms of the learned inner rates.
    pub log_rates: Vec<f32>,
}

/// Why a checkpoint cannot be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("checkpoint {} is {what}", path.display())]
pub struct CheckpointError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Checkpoint {
    /// As a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        // Writing to memory cannot fail.
        bytes.extend(postcard::to_stdvec(self).expect("serialisable"));
        let sum = checksum(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    /// From a file's bytes; `path` names it in errors.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, CheckpointError> {
        let error = |what| CheckpointError {
            path: path.to_owned(),
            what,
        };
        let (body, sum) = bytes.split_last_chunk::<8>().ok_or(error("too short"))?;
        let unknown = || error("not a checkpoint of this version");
        let (magic, message) = body.split_first_chunk::<8>().ok_or_else(unknown)?;
        if checksum(body) != u64::from_le_bytes(*sum) {
            return Err(error("damaged (its checksum is wrong)"));
        }
        let earlier = EARLIER.iter().find(|(earlier, _)| *earlier == magic);
        let message = match earlier {
            _ if magic == MAGIC => Cow::Borrowed(message),
            // `None` is written as a 0.
            Some((_, missing)) => Cow::Owned([message, &vec![0; *missing]].concat()),
            None => return Err(unknown()),
        };
        match postcard::take_from_bytes(&message) {
            Ok((checkpoint, [])) => Ok(checkpoint),
            _ => Err(unknown()),
        }
    }
}

fn checksum(bytes: &[u8]) -> u64 {
    crc::Crc::<u64>::new(&crc::CRC_64_XZ).checksum(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_checkpoints_are_read_and_others_named() {
        let checkpoint = Checkpoint {
            iteration: 7,
            params: vec![1.0, 2.0],
            ..Default::default()
        };
        let path = Path::new("7.ckpt");
        let written = checkpoint.to_bytes();
        assert_eq!(
            Checkpoint::from_bytes(&written, path),
            Ok(checkpoint.clone())
        );
        let with_sum = |mut bytes: Vec<u8>| {
            let sum = checksum(&bytes);
            bytes.extend(sum.to_le_bytes());
            bytes
        };
        // The message without the last bytes, the missing fields.
        for (magic, missing) in EARLIER {
            let message = &written[8..written.len() - 8 - missing];
            let before = with_sum([&magic[..], message].concat());
            assert_eq!(
                Checkpoint::from_bytes(&before, path),
                Ok(checkpoint.clone())
            );
        }
        let message = &written[8..written.len() - 9];
        for bytes in [
            with_sum([&MAGIC[..], message].concat()),
            with_sum(b"mamletT1".to_vec()),
            with_sum(b"mam".to_vec()),
        ] {
            let error = Checkpoint::from_bytes(&bytes, path).unwrap_err();
            assert_eq!(error.what, "not a checkpoint of this version");
        }
    }
}
