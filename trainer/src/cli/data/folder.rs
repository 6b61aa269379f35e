//! `mamlet data check FOLDER`: recordings that no config speaks of yet.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;

use super::draft::draft;
use super::usable;
use crate::cli::{exit, output};
use crate::data::{Recordings, counted, range};
use crate::run::write_atomically;
use crate::shell;
use crate::tasks::TasksError;

/// Says what a folder holds and, where asked, writes a config to train with.
pub(super) fn check(folder: &Path, write: Option<&Path>, json: bool) -> anyhow::Result<u8> {
    if let Some(file) = write.filter(|file| file.exists()) {
        anyhow::bail!(
            "{} exists: remove it, or name another with --write",
            file.display()
        );
    }
    if let Some(file) = write {
        output::check_file(file, &["toml"])?;
    }
    let recordings = usable(Recordings::survey(folder).map_err(TasksError::Data))?;
    let classes = classes(&recordings);
    if json {
        output::line(serde_json::json!({
            "folder": folder,
            "files": recordings.files.len(),
            "users": recordings.users,
            "channels": recordings.channels,
            "rate": recordings.layout.rate,
            "classes": classes,
        }))?;
    } else {
        print(&recordings, &classes)?;
    }
    let Some(file) = write else {
        if !json {
            output::line("--write FILE writes a config to train with")?;
        }
        return Ok(exit::SUCCESS);
    };
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let text = draft(&recordings, folder, &name)?;
    write_atomically(file, text.as_bytes()).context("the config cannot be written")?;
    if !json {
        output::line(format_args!(
            "wrote {}: look at it, then `{}`",
            file.display(),
            shell::command(["train", &shell::word(file)])
        ))?;
    }
    Ok(exit::SUCCESS)
}

/// What there is of a class.
#[derive(Debug, serde::Serialize)]
struct Class<'a> {
    class: &'a str,
    recordings: usize,
    users: usize,
    /// Of its shortest and longest recording.
    rows: [usize; 2],
}

fn classes(all: &Recordings) -> Vec<Class<'_>> {
    let of = |at: usize| {
        let own = || all.recordings.iter().filter(move |r| r.class == at);
        let rows = || own().map(|r| all.rows(r));
        Class {
            class: &all.classes[at],
            recordings: own().count(),
            users: own().map(|r| r.user).collect::<BTreeSet<_>>().len(),
            rows: [rows().min(), rows().max()].map(Option::unwrap_or_default),
        }
    };
    (0..all.classes.len()).map(of).collect()
}

fn print(all: &Recordings, classes: &[Class<'_>]) -> anyhow::Result<()> {
    let rate = all.layout.rate;
    let head = ["class", "recordings", "users", "rows", "seconds"].map(str::to_owned);
    let rows = classes.iter().map(|class| {
        let [fewest, most] = class.rows;
        let seconds = class.rows.map(|rows| format!("{:.1}", rows as f64 / rate));
        vec![
            class.class.to_owned(),
            class.recordings.to_string(),
            class.users.to_string(),
            range(Some(fewest), Some(most)),
            match seconds[0] == seconds[1] {
                true => seconds[0].clone(),
                false => seconds.join(" to "),
            },
        ]
    });
    output::line(output::table(&head, &rows.collect::<Vec<_>>()))?;
    let of_user = |at: usize| all.recordings.iter().filter(|r| r.user == at).count();
    let counts: Vec<usize> = (0..all.users.len()).map(of_user).collect();
    let fewest = counts.iter().zip(&all.users).min();
    let fewest = match counts.iter().max() {
        most if most > counts.iter().min() => fewest.map(|(_, name)| format!(" (fewest: {name})")),
        _ => None,
    };
    output::line(format_args!(
        "{} in {}, recordings of a user: {}{}",
        counted(all.users.len(), "user"),
        counted(all.files.len(), "file"),
        range(counts.iter().min().copied(), counts.iter().max().copied()),
        fewest.unwrap_or_default(),
    ))?;
    output::line(format_args!(
        "channels {}, {rate} rows a second; every row can be read",
        all.channels.join(", ")
    ))?;
    let others = all.other_columns()?;
    if !others.is_empty() {
        output::line(format_args!(
            "not used, as they are no numbers: {}",
            others.join(", ")
        ))?;
    }
    Ok(())
}
