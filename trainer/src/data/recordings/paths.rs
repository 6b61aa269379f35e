//! What names of files and folders seem to say.

use std::collections::BTreeSet;

use super::files::File;
use super::names::without_extension;

/// A pattern that the names of files fit, for [`Layout::path`](super::Layout::path).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guess {
    pub pattern: String,
    /// What else they may say, where that cannot be known.
    pub or: Option<String>,
}

/// The parts of a file's path that may mean something.
struct Parts {
    /// The last folder, and the one above.
    folders: [Option<String>; 2],
    /// The name without its take.
    name: String,
}

/// What separates the words of a name.
const SEPARATORS: [char; 4] = ['.', '_', '-', ' '];

/// What the paths of files say of class, person and take, where no column says the class.
pub(super) fn guess(files: &[File]) -> Option<Guess> {
    let stem = |file: &File| -> Option<String> {
        let name = file.below.file_name()?.to_string_lossy();
        Some(without_extension(&name).to_owned())
    };
    let stems: Vec<String> = files.iter().map(stem).collect::<Option<_>>()?;
    let in_folders = files.iter().all(|file| file.below.components().count() > 1);
    let separator = take_separator(&stems, in_folders);
    let mut all = Vec::with_capacity(files.len());
    for (file, stem) in files.iter().zip(&stems) {
        let mut folders = file.below.iter().rev().skip(1);
        let mut folder = || Some(folders.next()?.to_string_lossy().into_owned());
        let divided = separator.and_then(|separator| divided(stem, separator));
        let name = divided.map_or(&stem[..], |(name, _)| name);
        all.push(Parts {
            folders: [folder(), folder()],
            name: name.to_owned(),
        });
    }
    let with_take = match separator {
        Some(separator) => format!("{separator}{{take}}"),
        None => String::new(),
    };
    let of = |text: &str| Guess {
        pattern: format!("{text}{with_take}"),
        or: None,
    };
    let names: Vec<&str> = all.iter().map(|parts| &parts.name[..]).collect();
    let folder = |at: usize| -> Option<Vec<&str>> {
        all.iter()
            .map(|parts| parts.folders[at].as_deref())
            .collect()
    };
    let Some(folders) = folder(0) else {
        // No folder: person and class may both be in the name.
        return Some(match in_name(&names) {
            Some((separator, Order::PersonFirst)) => of(&format!("{{user}}{separator}{{label}}")),
            Some((separator, Order::ClassFirst)) => of(&format!("{{label}}{separator}{{user}}")),
            Some((separator, Order::Either)) => Guess {
                or: Some(format!("{{label}}{separator}{{user}}{with_take}")),
                ..of(&format!("{{user}}{separator}{{label}}"))
            },
            None => of("{label}"),
        });
    };
    let numbered = |names: &[&str]| names.iter().all(|name| is_number(name));
    if are_people(&names) {
        return Some(of("{label}/{user}"));
    }
    if are_people(&folders) {
        return Some(match numbered(&names) {
            true => of("{user}/{label}").or_else("nothing says the class"),
            false => of("{user}/{label}"),
        });
    }
    let above = folder(1);
    if let Some(above) = above.filter(|above| are_people(above) || grid(above, &folders)) {
        let people = are_people(&above);
        let guess = Guess {
            pattern: "{user}/{label}/{take}".into(),
            or: (!people).then(|| "{label}/{user}/{take}".into()),
        };
        return Some(guess);
    }
    if !numbered(&names) && grid(&folders, &names) {
        return Some(of("{user}/{label}").or_else(&format!("{{label}}/{{user}}{with_take}")));
    }
    Some(Guess {
        pattern: "{label}/{take}".into(),
        or: None,
    })
}

impl Guess {
    fn or_else(self, or: &str) -> Self {
        Self {
            or: Some(or.to_owned()),
            ..self
        }
    }
}

/// What separates the take from the rest of all names. Where nothing but a number tells
/// names apart, and no folder, it is part of them.
fn take_separator(stems: &[String], in_folders: bool) -> Option<char> {
    SEPARATORS.into_iter().find(|&separator| {
        let parts: Option<Vec<(&str, &str)>> =
            stems.iter().map(|stem| divided(stem, separator)).collect();
        parts.is_some_and(|parts| {
            let numbered = parts.iter().all(|(_, take)| is_number(take));
            let several = parts.iter().any(|(name, _)| *name != parts[0].0);
            // What comes after a point is of little importance to whoever gave the name.
            separator == '.' || (numbered && (several || in_folders))
        })
    })
}

/// A name at its last separator; at the first where that is a point.
fn divided(stem: &str, separator: char) -> Option<(&str, &str)> {
    let parts = match separator {
        '.' => stem.split_once('.'),
        separator => stem.rsplit_once(separator),
    };
    parts.filter(|(name, take)| !name.is_empty() && !take.is_empty())
}

/// `7`, `007`, `take7`, `r7`.
fn is_number(text: &str) -> bool {
    const WORDS: [&str; 9] = ["", "t", "r", "take", "rep", "trial", "run", "n", "no"];
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit());
    word.len() < text.len() && WORDS.contains(&&*word.to_lowercase())
}

/// Whether names are like `user07`, `P3` or `subject-1`.
fn are_people(names: &[&str]) -> bool {
    const WORDS: [&str; 12] = [
        "user",
        "subject",
        "subj",
        "sub",
        "person",
        "participant",
        "people",
        "p",
        "s",
        "u",
        "id",
        "proband",
    ];
    names.iter().all(|name| {
        let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let plain = word.trim_end_matches(['-', '_', ' ', '.']).to_lowercase();
        word.len() < name.len() && WORDS.contains(&&*plain)
    })
}

/// Which comes first in a name.
enum Order {
    PersonFirst,
    ClassFirst,
    Either,
}

/// What separates person and class in all names, if they are of both.
fn in_name(names: &[&str]) -> Option<(char, Order)> {
    SEPARATORS.into_iter().find_map(|separator| {
        let parts: Option<Vec<(&str, &str)>> = names
            .iter()
            .map(|name| name.split_once(separator))
            .collect();
        let (first, second): (Vec<&str>, Vec<&str>) = parts?.into_iter().unzip();
        let order = if are_people(&first) {
            Order::PersonFirst
        } else if are_people(&second) {
            Order::ClassFirst
        } else if grid(&first, &second) {
            Order::Either
        } else {
            return None;
        };
        Some((separator, order))
    })
}

/// Whether most of the first come together with most of the second.
fn grid(first: &[&str], second: &[&str]) -> bool {
    let different = |names: &[&str]| names.iter().collect::<BTreeSet<_>>().len();
    let pairs: BTreeSet<_> = first.iter().zip(second).collect();
    let [first, second] = [first, second].map(different);
    first > 1 && second > 1 && 10 * pairs.len() >= 6 * first * second
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(names: &[&str]) -> (String, Option<String>) {
        let file = |name: &&str| File {
            path: name.into(),
            below: name.into(),
            group: None,
        };
        let files: Vec<File> = names.iter().map(file).collect();
        let Guess { pattern, or } = guess(&files).unwrap();
        (pattern, or)
    }

    #[test]
    fn names_are_classes_people_and_takes() {
        for (names, expected) in [
            (&["punch.csv", "flex.csv"][..], "{label}"),
            (&["high_five.csv", "thumb_up.csv"], "{label}"),
            (
                &["circle.1.json", "circle.2.json", "up.1.json"],
                "{label}.{take}",
            ),
            (&["high_five_1.csv", "up_2.csv"], "{label}_{take}"),
            (&["gesture 1.csv", "gesture 2.csv"], "{label}"),
            (
                &["up/s_1.csv", "up/s_2.csv", "down/s_1.csv"],
                "{label}/{take}",
            ),
            (&["user1_up.csv", "user2_up.csv"], "{user}_{label}"),
            (&["up-P1-3.csv", "down-P2-1.csv"], "{label}-{user}-{take}"),
            (&["up/1.csv", "up/2.csv", "down/1.csv"], "{label}/{take}"),
            (&["up/x.csv", "up/y.csv", "down/z.csv"], "{label}/{take}"),
            (&["s1/up.csv", "s2/up.csv", "s2/down.csv"], "{user}/{label}"),
            (&["up/s1.csv", "up/s2.csv", "down/s1.csv"], "{label}/{user}"),
            (&["s1/up.1.csv", "s2/up.1.csv"], "{user}/{label}.{take}"),
            (&["s1/up/1.csv", "s2/up/1.csv"], "{user}/{label}/{take}"),
        ] {
            assert_eq!(guessed(names), (expected.to_owned(), None), "{names:?}");
        }
    }

    #[test]
    fn what_can_be_either_is_said() {
        let (pattern, or) = guessed(&["ann_up.csv", "bob_up.csv", "ann_down.csv", "bob_down.csv"]);
        assert_eq!(pattern, "{user}_{label}");
        assert_eq!(or.as_deref(), Some("{label}_{user}"));
        let (pattern, or) = guessed(&["ann/up.csv", "bob/up.csv", "ann/down.csv", "bob/down.csv"]);
        assert_eq!(pattern, "{user}/{label}");
        assert_eq!(or.as_deref(), Some("{label}/{user}"));
    }
}
