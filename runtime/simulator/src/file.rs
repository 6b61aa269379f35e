//! Artifacts from disk.

use std::path::Path;

use anyhow::{Context, Result};
use mamlet_runtime::Artifact;

/// The bytes of an artifact at an address that is a multiple of four, as the
/// runtime wants them and as a linker places them in flash.
#[derive(Clone, Debug)]
pub struct ArtifactFile {
    words: Vec<u32>,
    length: usize,
}

impl ArtifactFile {
    /// Copies bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let mut words = vec![0u32; bytes.len().div_ceil(4)];
        bytemuck::cast_slice_mut::<u32, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
        ArtifactFile {
            words,
            length: bytes.len(),
        }
    }

    /// Reads a file; that it is an artifact is checked by
    /// [`artifact`](Self::artifact).
    ///
    /// # Errors
    /// Names the file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self::new(&bytes))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.length]
    }

    /// The artifact.
    ///
    /// # Errors
    /// Says why the bytes are none.
    pub fn artifact(&self) -> Result<Artifact<'_>> {
        Artifact::parse(self.bytes()).context("not a usable artifact")
    }
}
