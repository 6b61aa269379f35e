//! Where data sets lie, and where what is made of them is cached.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::RwLock;

/// Where to look for data and where to keep what was decoded, for the whole
/// process. Neither changes what is drawn, so neither is part of a config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locations {
    /// The data set, or a folder that holds it; `None` where the environment
    /// variable `MAMLET_DATA` says, and else where the config does.
    pub data: Option<PathBuf>,
    /// Where decoded images and compiled kernels are kept; `None` where the environment variable
    /// `MAMLET_CACHE` says, and else in `mamlet` in the user's cache folder.
    pub cache: Option<PathBuf>,
}

static LOCATIONS: RwLock<Locations> = RwLock::new(Locations {
    data: None,
    cache: None,
});

/// Sets the locations of this process, as the command line does.
pub fn set_locations(locations: Locations) {
    *LOCATIONS
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = locations;
}

/// What the command line says of them.
pub(crate) fn given_on_command_line() -> Locations {
    let locations = LOCATIONS.read();
    locations
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .clone()
}

fn given(of: impl Fn(&Locations) -> Option<PathBuf>, variable: &str) -> Option<PathBuf> {
    let locations = given_on_command_line();
    let set = || env::var_os(variable).filter(|value| !value.is_empty());
    of(&locations).or_else(|| set().map(PathBuf::from))
}

/// Where a data set may be, best first: the location that was given, then the folder in
/// it with the name of the config's; without one, the config's.
pub(crate) fn candidates(configured: &Path) -> Vec<PathBuf> {
    match given(|locations| locations.data.clone(), "MAMLET_DATA") {
        Some(given) => {
            let inside = configured.file_name().map(|name| given.join(name));
            std::iter::once(given).chain(inside).collect()
        }
        None => vec![configured.to_owned()],
    }
}

/// Where decoded images and compiled kernels are kept, if there is such a folder. Unit
/// tests leave nothing behind.
pub(crate) fn cache() -> Option<PathBuf> {
    let of_user = || dirs::cache_dir().filter(|_| !cfg!(test));
    given(|locations| locations.cache.clone(), "MAMLET_CACHE")
        .or_else(|| of_user().map(|folder| folder.join("mamlet")))
}
