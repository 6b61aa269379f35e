//! Commands for people to paste into a shell.

use std::env;
use std::path::Path;

use crate::locations;

/// The program by name, as a page or a manifest says it.
const NAME: &str = "mamlet";

/// The command `mamlet` with these words, as this process was called: through cargo or by
/// its path, with the same `--data` and `--cache`.
pub(crate) fn command<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> String {
    let given = locations::given_on_command_line();
    let places = [("--data", given.data), ("--cache", given.cache)];
    let places = places.into_iter().filter_map(|(flag, place)| {
        let place = place?.display().to_string();
        Some([flag.to_owned(), place])
    });
    let words = words.into_iter().map(|word| word.as_ref().to_owned());
    let all: Vec<String> = program(NAME)
        .into_iter()
        .chain(places.flatten())
        .chain(words)
        .collect();
    shell_words::join(all)
}

/// The command `mamlet-sim` with these words, called as this process was.
pub(crate) fn simulator<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> String {
    let words = words.into_iter().map(|word| word.as_ref().to_owned());
    let all: Vec<String> = program("mamlet-sim").into_iter().chain(words).collect();
    shell_words::join(all)
}

/// The words that call a program of this project.
fn program(name: &str) -> Vec<String> {
    // Cargo says so to what it runs.
    if env::var_os("CARGO_PKG_NAME").is_some_and(|package| package == env!("CARGO_PKG_NAME")) {
        return vec!["cargo".into(), name.into()];
    }
    let own = env::args_os().next().unwrap_or_default();
    match Path::new(&own).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            vec![folder.join(name).display().to_string()]
        }
        _ => vec![name.into()],
    }
}

/// The command of this process, by the program's name alone.
pub(crate) fn given() -> String {
    by_name(env::args_os().map(|word| word.to_string_lossy().into_owned()))
}

fn by_name(arguments: impl Iterator<Item = String>) -> String {
    let words = std::iter::once(NAME.to_owned()).chain(arguments.skip(1));
    shell_words::join(words.collect::<Vec<_>>())
}

/// A path as a word of a command.
pub(crate) fn word(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted() {
        let words = [
            "/usr/bin/mamlet",
            "report",
            "my run",
            "it's",
            "",
            "a=1",
            "$x",
        ];
        let pasted = by_name(words.into_iter().map(str::to_owned));
        let split = shell_words::split(&pasted).unwrap();
        assert_eq!(
            split,
            ["mamlet", "report", "my run", "it's", "", "a=1", "$x"]
        );
        assert!(pasted.starts_with("mamlet report 'my run' "), "{pasted}");
    }
}
