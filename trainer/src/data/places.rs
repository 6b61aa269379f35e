//! Where data sets and decoded images lie.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::RwLock;

/// Where to look for data and where to keep what was decoded, for the whole
/// process. Neither changes what is drawn, so neither is part of a config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The data set, or a folder that holds it; `None` where the environment
    /// variable `MAMLET_DATA` says, and else where the config does.
    pub data: Option<PathBuf>,
    /// Where decoded images and compiled kernels are kept; `None` where the environment variable
    /// `MAMLET_CACHE` says, and else in `mamlet` in the user's cache folder.
    pub cache: Option<PathBuf>,
}

static PLACES: RwLock<Places> = RwLock::new(Places {
    data: None,
    cache: None,
});

/// Sets the places of this process, as the command line does.
pub fn set_places(places: Places) {
    *PLACES
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = places;
}

fn given(of: impl Fn(&Places) -> Option<PathBuf>, variable: &str) -> Option<PathBuf> {
    let places = PLACES
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let set = || env::var_os(variable).filter(|value| !value.is_empty());
    of(&places).or_else(|| set().map(PathBuf::from))
}

/// Places where a data set may be, best first: the place that was given and the
/// folder in it that is called as the one in the config, or else the config's.
pub(super) fn candidates(configured: &Path) -> Vec<PathBuf> {
    match given(|places| places.data.clone(), "MAMLET_DATA") {
        Some(place) => {
            let inside = configured.file_name().map(|name| place.join(name));
            std::iter::once(place).chain(inside).collect()
        }
        None => vec![configured.to_owned()],
    }
}

/// Where decoded images and compiled kernels are kept, if there is such a place. Unit
/// tests leave nothing behind.
pub(crate) fn cache() -> Option<PathBuf> {
    let usual = || dirs::cache_dir().filter(|_| !cfg!(test));
    given(|places| places.cache.clone(), "MAMLET_CACHE")
        .or_else(|| usual().map(|folder| folder.join("mamlet")))
}
