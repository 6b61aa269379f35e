//! `mamlet data check FOLDER`: recordings that no config speaks of yet.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::draft::draft;
use super::usable;
use crate::cli::{exit, output};
use crate::config::Config;
use crate::data::{Layout, Proposal, Recordings, counted, range};
use crate::run::write_atomically;
use crate::shell;
use crate::tasks::TasksError;
use crate::train::open;

/// Says what a folder holds and, where asked, writes a config to train with.
pub(super) fn check(folder: &Path, write: Option<&Path>, json: bool) -> anyhow::Result<u8> {
    if let Some(file) = write {
        anyhow::ensure!(
            !file.exists(),
            "{} exists: remove it, or name another with --write",
            file.display()
        );
        output::check_file(file, &["toml"])?;
    }
    let proposal = Recordings::proposal(folder)?;
    if let Some(proposal) = proposal.as_ref().filter(|_| !json) {
        print_proposal(folder, proposal)?;
    }
    let layout = proposal.as_ref().map(|proposal| &proposal.layout);
    let recordings = usable(Recordings::survey(folder, layout).map_err(TasksError::Data))?;
    let classes = classes(&recordings);
    if json {
        output::line(serde_json::json!({
            "folder": folder,
            "files": recordings.files.len(),
            "users": recordings.users,
            "channels": recordings.channels,
            "rate": recordings.rate,
            "classes": classes,
            "notes": recordings.notes,
            "proposal": proposal.as_ref().map(|proposal| &proposal.text),
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
    if let Some(doubt) = proposal.iter().flat_map(|proposal| &proposal.doubts).next() {
        anyhow::bail!(
            "no config is written, as {doubt}; write what it is into {}",
            folder.join(Layout::FILE).display()
        );
    }
    let path = seen_from(file, folder);
    let text = draft(&recordings, &path, &name, proposal.as_ref())?;
    write_atomically(file, text.as_bytes()).context("the config cannot be written")?;
    let opened = open(&Config::load(file, &[])?);
    opened.with_context(|| format!("{} is written, but cannot be trained", file.display()))?;
    if !json {
        output::line(format_args!(
            "wrote {}: look at it, then `{}`",
            file.display(),
            shell::command(["train", &shell::word(file)])
        ))?;
    }
    Ok(exit::SUCCESS)
}

/// A folder as a config at `file` names it: both may move together.
fn seen_from(file: &Path, folder: &Path) -> PathBuf {
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let both = [parent.canonicalize(), folder.canonicalize()];
    let [Ok(from), Ok(to)] = both else {
        return folder.to_owned();
    };
    if folder.is_absolute() {
        return folder.to_owned();
    }
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from.iter().skip(shared).map(|_| std::ffi::OsStr::new(".."));
    let path: PathBuf = up.chain(to.iter().skip(shared)).collect();
    match path.as_os_str().is_empty() {
        true => ".".into(),
        false => path,
    }
}

fn print_proposal(folder: &Path, proposal: &Proposal) -> anyhow::Result<()> {
    let file = folder.join(Layout::FILE);
    output::line(format_args!(
        "{} is not there, and the files are read as if it said\n",
        file.display()
    ))?;
    output::line(&proposal.text)?;
    for doubt in proposal.doubts.iter().chain(&proposal.guesses) {
        output::line(doubt)?;
    }
    output::line("put these lines there and change what is otherwise\n")
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
    let mut classes: Vec<Class<'_>> = (all.classes.iter())
        .map(|class| Class {
            class,
            recordings: 0,
            users: 0,
            rows: [0; 2],
        })
        .collect();
    let mut users = vec![BTreeSet::new(); classes.len()];
    for recording in &all.recordings {
        let (class, rows) = (&mut classes[recording.class], all.rows(recording));
        users[recording.class].insert(recording.user);
        let [fewest, most] = match class.recordings {
            0 => [rows; 2],
            _ => class.rows,
        };
        class.rows = [fewest.min(rows), most.max(rows)];
        class.recordings += 1;
    }
    for (class, users) in classes.iter_mut().zip(users) {
        class.users = users.len();
    }
    classes
}

fn print(all: &Recordings, classes: &[Class<'_>]) -> anyhow::Result<()> {
    let rate = all.rate;
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
    let mut counts = vec![0; all.users.len()];
    for recording in &all.recordings {
        counts[recording.user] += 1;
    }
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
    for note in &all.notes {
        output::line(note)?;
    }
    Ok(())
}
