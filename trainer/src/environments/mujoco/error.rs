//! Why a robot cannot be simulated.

/// The version of MuJoCo that is linked, and no other.
pub(super) const VERSION: &str = "3.17.0";

/// Why a robot cannot be simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MujocoError {
    /// The program was built without MuJoCo.
    #[error(
        "{robot} needs MuJoCo {VERSION}, and this program was built without it: `cargo xtask \
         mujoco` fetches it, and `cargo mamlet-mujoco` is `cargo mamlet` with it (from Rust 1.95 \
         on)"
    )]
    NotBuilt {
        /// What needs it.
        robot: &'static str,
    },
    /// The library that was loaded is of another version.
    #[error(
        "MuJoCo {found} was loaded, not {VERSION}. The program looks beside itself, in {linked} \
         and where the system does (LD_LIBRARY_PATH first); `cargo xtask mujoco` fetches {VERSION}"
    )]
    Version {
        /// The version that was loaded.
        found: String,
        /// The folder that it was linked from.
        linked: &'static str,
    },
    /// The model is none.
    #[error("{}: {why}", model.as_deref().unwrap_or("the built-in model"))]
    Model {
        /// Its file, the key `tasks.model`, where it is not built in.
        model: Option<String>,
        /// What MuJoCo says, or what is wrong with it.
        why: String,
    },
}
