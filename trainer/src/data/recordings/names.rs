//! What the names of files and of their folders say.

use std::path::Path;

/// A pattern such as `{user}/{label}.{take}`, which the last parts of a path are
/// compared with. The extensions of data files count on neither side.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NamePattern(Vec<Part>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Label,
    User,
    Take,
    /// `*`: anything.
    Other,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Field(Field),
}

/// What a name says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub label: Option<String>,
    pub user: Option<String>,
    pub take: Option<String>,
}

/// What a pattern needs, where it cannot be used.
pub(super) const EXPECTED: &str = "a name with {label}, {user} or {take}, each at most once and \
                                   with text in between, where * stands for anything; such as \
                                   \"{user}/{label}.{take}\"";

impl NamePattern {
    /// Reads a pattern; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = without_extension(text);
        while let Some(next) = rest.chars().next() {
            let (part, length) = match next {
                '{' => {
                    let end = rest.find('}')?;
                    let field = match &rest[1..end] {
                        "label" => Field::Label,
                        "user" => Field::User,
                        "take" => Field::Take,
                        _ => return None,
                    };
                    (Part::Field(field), end + 1)
                }
                '*' => (Part::Field(Field::Other), 1),
                '}' => return None,
                _ => {
                    let end = rest.find(['{', '*', '}']).unwrap_or(rest.len());
                    (Part::Text(rest[..end].into()), end)
                }
            };
            let known = |own: &Part| *own == part && part != Part::Field(Field::Other);
            let adjacent = matches!(
                (parts.last(), &part),
                (Some(Part::Field(_)), Part::Field(_))
            );
            let field = matches!(part, Part::Field(_));
            if adjacent || (field && parts.iter().any(known)) {
                return None;
            }
            parts.push(part);
            rest = &rest[length..];
        }
        let pattern = Self(parts);
        let says = [Field::Label, Field::User, Field::Take];
        says.iter()
            .any(|&field| pattern.has(field))
            .then_some(pattern)
    }

    fn has(&self, field: Field) -> bool {
        self.0.contains(&Part::Field(field))
    }

    pub fn has_label(&self) -> bool {
        self.has(Field::Label)
    }

    pub fn has_user(&self) -> bool {
        self.has(Field::User)
    }

    /// What the path of a file below the folder says; `None` where it does not fit.
    pub fn read(&self, file: &Path) -> Option<Named> {
        let folders = |part: &Part| match part {
            Part::Text(text) => text.matches('/').count(),
            Part::Field(_) => 0,
        };
        let wanted = 1 + self.0.iter().map(folders).sum::<usize>();
        let components: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
        let last = components.len().checked_sub(wanted)?;
        let name = components[last..].join("/");
        let mut named = Named::default();
        fits(&self.0, without_extension(&name), &mut named).then_some(named)
    }
}

/// Whether a text is what the parts say; each field is as short as it can be.
fn fits(parts: &[Part], text: &str, named: &mut Named) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return text.is_empty();
    };
    let field = match first {
        Part::Text(own) => {
            return text
                .strip_prefix(&own[..])
                .is_some_and(|text| fits(rest, text, named));
        }
        Part::Field(field) => *field,
    };
    let ends = text.char_indices().map(|(at, c)| (at + c.len_utf8(), c));
    for (end, _) in ends.take_while(|&(_, c)| c != '/') {
        if fits(rest, &text[end..], named) {
            let value = text[..end].trim().to_owned();
            match field {
                Field::Label => named.label = Some(value),
                Field::User => named.user = Some(value),
                Field::Take => named.take = Some(value),
                Field::Other => {}
            }
            return true;
        }
    }
    false
}

/// A name without what says how the file is written.
pub(super) fn without_extension(name: &str) -> &str {
    let cut = |name: &'_ str, known: &[&str]| {
        name.rsplit_once('.')
            .filter(|(stem, extension)| {
                !stem.is_empty() && known.contains(&&*extension.to_ascii_lowercase())
            })
            .map_or(name.len(), |(stem, _)| stem.len())
    };
    let name = &name[..cut(name, &["gz"])];
    &name[..cut(name, &["csv", "tsv", "txt", "json"])]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, file: &str) -> Option<[String; 3]> {
        let named = NamePattern::parse(pattern)
            .unwrap_or_else(|| panic!("{pattern}"))
            .read(Path::new(file))?;
        let parts = [named.user, named.label, named.take];
        Some(parts.map(Option::unwrap_or_default))
    }

    #[test]
    fn names_say_who_and_what() {
        for (pattern, file, expected) in [
            ("{label}", "punch.csv", ["", "punch", ""]),
            ("{label}.csv", "deep/er/punch.CSV.gz", ["", "punch", ""]),
            ("{label}.{take}", "circle.1.json", ["", "circle", "1"]),
            ("{label}.{take}", "circle.1.b.json", ["", "circle", "1.b"]),
            (
                "{user}_{label}.csv",
                "ann_high_five.csv",
                ["ann", "high_five", ""],
            ),
            (
                "{user}/{label}-{take}",
                "x/ann/up-3.txt",
                ["ann", "up", "3"],
            ),
            ("{label}/*", "wave/ann.csv", ["", "wave", ""]),
            ("subject{user}_*", "subject07_a.csv", ["07", "", ""]),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(read(pattern, file), Some(expected), "{pattern} {file}");
        }
        for (pattern, file) in [
            ("{user}_{label}", "punch.csv"),
            ("{user}/{label}", "punch.csv"),
            ("{label}.{take}", "circle.json"),
        ] {
            assert_eq!(read(pattern, file), None, "{pattern} {file}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "*",
            "{what}",
            "{label",
            "{label}{take}",
            "{label}/{label}",
            "a}{user}",
        ] {
            assert_eq!(NamePattern::parse(text), None, "{text}");
        }
    }
}
