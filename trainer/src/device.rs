//! Where tensors live: the CPU, or an NVIDIA GPU when the `cuda` feature is
//! built in.
//!
//! Code that computes is generic over the backend; [`dispatch`] picks one at
//! run time. The CUDA backend loads the driver and the run-time compiler when
//! it is first used and panics in a thread of its own if they are missing, so
//! both are looked for beforehand.

use std::any::TypeId;
use std::fmt;
use std::str::FromStr;

use burn::backend::Flex;
use burn::tensor::backend::{Backend, BackendTypes};

/// `cpu`, `cuda` or `cuda:<n>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// All work on the host, with Burn's Flex backend.
    #[default]
    Cpu,
    /// The NVIDIA GPU with this index.
    Cuda(usize),
}

/// Why a device cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The name is none of the known ones.
    #[error("unknown device {0:?}: expected cpu, cuda or cuda:<index>")]
    Unknown(String),
    /// The program was built without CUDA.
    #[error(
        "this build has no CUDA; build with `cargo build --release -p mamlet-trainer --features \
         cuda`, or use --device cpu"
    )]
    NotBuilt,
    /// A library the CUDA backend loads is missing.
    #[error("--device cuda needs {what}, which was not found ({advice}); or use --device cpu")]
    Missing {
        /// The library, in words.
        what: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown(text.to_owned());
        match text.split_once(':') {
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", index)) => index.parse().map(Self::Cuda).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// Work that runs on any backend.
pub trait Job {
    /// What it returns.
    type Output;

    /// Does it on `device`.
    fn run<B: Backend>(self, device: B::Device) -> Self::Output;
}

/// Whether the chosen device can be used, as far as that can be known without
/// using it.
pub fn check(choice: DeviceChoice) -> Result<(), DeviceError> {
    match choice {
        DeviceChoice::Cpu => Ok(()),
        #[cfg(feature = "cuda")]
        DeviceChoice::Cuda(_) => cuda::look_for_libraries(),
        #[cfg(not(feature = "cuda"))]
        DeviceChoice::Cuda(_) => Err(DeviceError::NotBuilt),
    }
}

/// Numbers that the second-level cache of one of the host's cores holds, more or less.
pub(crate) const CACHED: usize = 1 << 18;

/// Whether `B` computes on the host's own cores.
pub(crate) fn is_host<B: Backend>() -> bool {
    TypeId::of::<B::Device>() == TypeId::of::<<Flex as BackendTypes>::Device>()
}

/// Runs `job` on the chosen device, or says why that device cannot be used.
pub fn dispatch<J: Job>(choice: DeviceChoice, job: J) -> Result<J::Output, DeviceError> {
    check(choice)?;
    match choice {
        DeviceChoice::Cpu => Ok(job.run::<Flex>(Default::default())),
        #[cfg(feature = "cuda")]
        DeviceChoice::Cuda(index) => {
            cuda::keep_kernels();
            Ok(job.run::<burn_cuda::Cuda>(burn_cuda::CudaDevice::new(index)))
        }
        #[cfg(not(feature = "cuda"))]
        DeviceChoice::Cuda(_) => Err(DeviceError::NotBuilt),
    }
}

/// What the CUDA backend needs before it is first used.
#[cfg(feature = "cuda")]
mod cuda {
    use std::path::{Path, PathBuf};
    use std::sync::Once;

    use cubecl_runtime::config::cache::CacheConfig;
    use cubecl_runtime::config::{CubeClRuntimeConfig, RuntimeConfig};

    use super::DeviceError;
    use crate::locations::cache;

    /// Has compiled kernels kept in the cache folder, so that a program only starts
    /// slowly once. A `cubecl.toml` or `burn.toml` of the user's own, which the backend
    /// reads from the folder it runs in and those above it, comes first.
    pub(super) fn keep_kernels() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let here = std::env::current_dir().unwrap_or_default();
            let sections = CubeClRuntimeConfig::section_file_names().iter();
            let names = CubeClRuntimeConfig::file_names().iter();
            let names: Vec<&str> = sections
                .map(|(name, _)| *name)
                .chain(names.copied())
                .collect();
            let own = |folder: &Path| names.iter().any(|name| folder.join(name).is_file());
            if here.ancestors().any(own) {
                return;
            }
            let kernels = cache().map(|folder| folder.join("kernels"));
            let kept = kernels.filter(|folder| std::fs::create_dir_all(folder).is_ok());
            if let Some(kernels) = kept {
                let mut config = CubeClRuntimeConfig::default().override_from_env();
                config.compilation.cache = Some(CacheConfig::File(kernels));
                CubeClRuntimeConfig::set(config);
            }
        });
    }

    /// Looks for the libraries that the backend loads, without loading them.
    pub(super) fn look_for_libraries() -> Result<(), DeviceError> {
        let (driver, compiler) = if cfg!(windows) {
            ("nvcuda.dll", "nvrtc")
        } else {
            ("libcuda.so", "libnvrtc.so")
        };
        if !found(driver) {
            return Err(DeviceError::Missing {
                what: "the NVIDIA driver (libcuda)",
                advice: "install the driver of the GPU and see that `nvidia-smi` works",
            });
        }
        if !found(compiler) {
            return Err(DeviceError::Missing {
                what: "NVIDIA's run-time compiler (libnvrtc)",
                advice: "install the CUDA toolkit 12 or later, or put its libraries on \
                         LD_LIBRARY_PATH",
            });
        }
        Ok(())
    }

    /// Whether a file whose name starts with `name` is where the loader looks.
    fn found(name: &str) -> bool {
        // The loader's cache is a table of file names.
        if std::fs::read("/etc/ld.so.cache").is_ok_and(|cache| {
            cache
                .windows(name.len())
                .any(|window| window == name.as_bytes())
        }) {
            return true;
        }
        let listed = ["LD_LIBRARY_PATH", "PATH"]
            .into_iter()
            .filter_map(std::env::var_os)
            .flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>());
        let toolkits = ["CUDA_PATH", "CUDA_HOME"]
            .into_iter()
            .filter_map(std::env::var_os)
            .flat_map(|root| ["lib64", "lib", "bin"].map(|sub| PathBuf::from(&root).join(sub)));
        let usual = [
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
            "/usr/lib64",
            "/usr/lib/wsl/lib",
            "/usr/local/cuda/lib64",
            "/usr/local/nvidia/lib64",
        ]
        .map(PathBuf::from);
        listed.chain(toolkits).chain(usual).any(|folder| {
            std::fs::read_dir(folder).is_ok_and(|entries| {
                entries
                    .flatten()
                    .any(|entry| entry.file_name().to_string_lossy().starts_with(name))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (text, choice) in [
            ("cpu", DeviceChoice::Cpu),
            ("cuda:3", DeviceChoice::Cuda(3)),
        ] {
            assert_eq!(text.parse(), Ok(choice));
            assert_eq!(choice.to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        for text in ["gpu", "cuda:", "cuda:x", "cpu:0", ""] {
            assert_eq!(
                text.parse::<DeviceChoice>(),
                Err(DeviceError::Unknown(text.into()))
            );
        }
    }
}
