//! `mamlet data`.

mod folder;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{exit, output};
use crate::config::Config;
use crate::data::{DataError, counted};
use crate::nn::Shape;
use crate::tasks::{
    CurveTasks, ImageTasks, ReadingTasks, RecordedTasks, Split, TargetScale, TaskDistribution,
    TasksConfig, TasksError,
};

/// Look at data sets.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
}

/// Read the data of a config, or a folder of recordings, and say what is there.
///
/// Of a config, prints classes and examples of every split, or every file that is
/// missing, damaged or in the wrong class. Images that were read are kept in the
/// cache, so that training starts at once.
///
/// Of a folder with CSV files and a `recordings.toml`, prints every class, or every
/// row that cannot be used, and with --write drafts a config that trains on it.
/// Without a `recordings.toml`, says what it could be.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mamlet data check trainer/configs/paper/omniglot-5way-1shot.toml --data FOLDER_OF_THE_ZIPS
  mamlet data check trainer/configs/paper/miniimagenet-5way-1shot.toml --json
  mamlet data check trainer/configs/calibration/calibration-raingauge.toml --data FOLDER
  mamlet data check FOLDER --write mine.toml

Exit codes: 0 all of it can be used, 1 it cannot, 2 wrong usage")]
struct Check {
    /// The config whose tasks need the data, or a folder of recordings
    #[arg(value_name = "CONFIG|FOLDER")]
    config: PathBuf,
    /// Override a value of the config, e.g. --set tasks.sheets.tile=84
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Draft a config that trains on the recordings of a folder
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let Command::Check(check) = self.command;
        check.run()
    }
}

/// What a split holds.
#[derive(Debug, serde::Serialize)]
struct SplitReport {
    split: &'static str,
    classes: usize,
    images: usize,
    /// Images of the class with the fewest, and of that with the most.
    images_of_class: [usize; 2],
    /// The class with the fewest.
    smallest: String,
}

impl Check {
    fn run(self) -> anyhow::Result<u8> {
        if self.config.is_dir() {
            anyhow::ensure!(self.set.is_empty(), "--set changes a config, not a folder");
            return folder::check(&self.config, self.write.as_deref(), self.json);
        }
        anyhow::ensure!(
            self.write.is_none(),
            "--write drafts a config for a folder: give one"
        );
        let config = Config::load(&self.config, &self.set)?;
        if let TasksConfig::Recordings(recorded) = &config.tasks {
            let tasks = usable(recorded.open())?;
            return self.recordings(&config, &tasks);
        }
        match &config.tasks {
            TasksConfig::Readings(readings) => {
                let tasks = usable(readings.open())?;
                return self.readings(&config, &tasks);
            }
            TasksConfig::Curves(curves) => {
                let tasks = usable(curves.open())?;
                return self.curves(&config, &tasks);
            }
            _ => {}
        }
        match config.tasks.open_images() {
            Some(tasks) => self.images(&config, &usable(tasks)?),
            None => {
                output::line("its tasks come from formulas: there is no data to check")?;
                Ok(exit::SUCCESS)
            }
        }
    }

    fn images(&self, config: &Config, tasks: &ImageTasks) -> anyhow::Result<u8> {
        let reports = SPLITS.map(|split| report(tasks, split));
        let shape = tasks.bank().shape();
        if self.json {
            let value = serde_json::json!({
                "config": config.name,
                "input": shape.features(),
                "splits": reports,
            });
            output::line(value)?;
            return Ok(exit::SUCCESS);
        }
        let head = ["split", "classes", "images", "a class"].map(str::to_owned);
        let rows: Vec<Vec<String>> = reports.iter().map(row).collect();
        output::line(output::table(&head, &rows))?;
        let images: usize = tasks.bank().classes().iter().map(|class| class.count).sum();
        if let Shape::Image {
            height,
            width,
            channels,
        } = shape
        {
            output::line(format_args!(
                "images of {width} x {height} x {channels}, {:.1} MB in memory; all of them can \
                 be read",
                (images * shape.features()) as f64 / 1e6
            ))?;
        }
        Ok(exit::SUCCESS)
    }

    fn readings(&self, config: &Config, tasks: &ReadingTasks) -> anyhow::Result<u8> {
        let splits = SPLITS.map(|split| (split.name(), tasks.holds(split)));
        let readings = tasks.config();
        let names = readings.inputs.iter().chain([&readings.target]);
        let ranges: Vec<(&String, &[f64; 2])> = names.zip(tasks.ranges()).collect();
        if self.json {
            let splits =
                splits.map(|(split, holds)| serde_json::json!({ "split": split, "holds": holds }));
            let value = serde_json::json!({
                "config": config.name,
                "splits": splits,
                "ranges": ranges,
                "unit": readings.unit,
                "scale": tasks.target_scale(),
            });
            output::line(value)?;
            return Ok(exit::SUCCESS);
        }
        let head = ["split", "devices", "rows", "of a device", "fewest"].map(str::to_owned);
        let rows = splits.iter().map(|(split, holds)| {
            let [fewest, most] = holds.of_device;
            vec![
                (*split).to_owned(),
                holds.devices.to_string(),
                holds.rows.to_string(),
                range(Some(fewest), Some(most)),
                holds.smallest.clone(),
            ]
        });
        output::line(output::table(&head, &rows.collect::<Vec<_>>()))?;
        for (name, [low, high]) in ranges {
            output::line(format_args!("{name}: {low} to {high}"))?;
        }
        output::line(format_args!(
            "{}; every row can be read",
            scale(tasks.target_scale())
        ))?;
        Ok(exit::SUCCESS)
    }

    fn curves(&self, config: &Config, tasks: &CurveTasks) -> anyhow::Result<u8> {
        let splits = SPLITS.map(|split| (split.name(), tasks.holds(split)));
        let nominal: BTreeMap<&str, f64> = tasks.nominal().into_iter().flatten().collect();
        if self.json {
            let splits =
                splits.map(|(split, holds)| serde_json::json!({ "split": split, "holds": holds }));
            let value = serde_json::json!({
                "config": config.name,
                "splits": splits,
                "nominal": nominal,
                "scale": tasks.target_scale(),
                "noise_floor": tasks.floor(),
            });
            output::line(value)?;
            return Ok(exit::SUCCESS);
        }
        let head = ["split", "devices", "calibrations"].map(str::to_owned);
        let rows = splits.iter().map(|(split, holds)| {
            vec![
                (*split).to_owned(),
                holds.devices.to_string(),
                holds.calibrations.to_string(),
            ]
        });
        output::line(output::table(&head, &rows.collect::<Vec<_>>()))?;
        if !nominal.is_empty() {
            let values = nominal
                .iter()
                .map(|(name, value)| format!("{name} = {value}"));
            let values: Vec<String> = values.collect();
            output::line(format_args!("median device: {}", values.join(", ")))?;
        }
        output::line(format_args!(
            "{}; noise of readings is worth {:.2e} {}; every row has a curve",
            scale(tasks.target_scale()),
            tasks.floor(),
            tasks.config().unit
        ))?;
        Ok(exit::SUCCESS)
    }

    fn recordings(&self, config: &Config, tasks: &RecordedTasks) -> anyhow::Result<u8> {
        let splits = SPLITS.map(|split| (split.name(), tasks.holds(split)));
        if self.json {
            let splits =
                splits.map(|(split, holds)| serde_json::json!({ "split": split, "holds": holds }));
            output::line(serde_json::json!({ "config": config.name, "splits": splits }))?;
            return Ok(exit::SUCCESS);
        }
        let head = [
            "split",
            "users",
            "classes",
            "recordings",
            "of a class",
            "rows",
            "examples",
        ];
        let rows = splits.iter().map(|(split, holds)| {
            let counts = || holds.classes.values();
            vec![
                (*split).to_owned(),
                holds.users.to_string(),
                holds.classes.len().to_string(),
                counts().sum::<usize>().to_string(),
                range(counts().min().copied(), counts().max().copied()),
                range(Some(holds.rows[0]), Some(holds.rows[1])),
                holds.examples.to_string(),
            ]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        output::line(output::table(&head.map(str::to_owned), &rows))?;
        let recorded = tasks.config();
        output::line(format_args!(
            "examples of {} samples of {} channels; every row can be read",
            recorded.length,
            recorded.channels.len()
        ))?;
        Ok(exit::SUCCESS)
    }
}

const SPLITS: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

/// What the network learns, in words.
fn scale(scale: Option<TargetScale>) -> String {
    let Some(TargetScale {
        mean,
        deviation,
        unit,
    }) = scale
    else {
        return String::new();
    };
    let mean: Vec<String> = mean.iter().map(f32::to_string).collect();
    format!(
        "targets of training: mean {}, standard deviation {deviation} {unit}",
        mean.join(", ")
    )
}

/// `5`, or `3 to 5`.
fn range(fewest: Option<usize>, most: Option<usize>) -> String {
    match (fewest, most) {
        (Some(fewest), Some(most)) if fewest < most => format!("{fewest} to {most}"),
        (_, most) => most.unwrap_or(0).to_string(),
    }
}

/// The tasks, or every problem on a line of its own.
fn usable<T>(opened: Result<T, TasksError>) -> anyhow::Result<T> {
    match opened {
        Err(TasksError::Data(DataError::Problems { what, problems, .. })) => {
            for problem in &problems {
                output::line(problem)?;
            }
            anyhow::bail!(
                "{what}: {}, each on a line above",
                counted(problems.len(), "problem")
            )
        }
        opened => Ok(opened?),
    }
}

fn report(tasks: &ImageTasks, split: Split) -> SplitReport {
    let classes = tasks.classes_of(split).iter();
    let classes = classes.map(|&class| &tasks.bank().classes()[class]);
    let counts = || classes.clone().map(|class| class.count);
    let smallest = classes.clone().min_by_key(|class| class.count);
    SplitReport {
        split: split.name(),
        classes: classes.len(),
        images: counts().sum(),
        images_of_class: [counts().min(), counts().max()].map(Option::unwrap_or_default),
        smallest: smallest.map_or_else(String::new, |class| class.name.clone()),
    }
}

fn row(report: &SplitReport) -> Vec<String> {
    let SplitReport {
        split,
        classes,
        images,
        images_of_class: [fewest, most],
        smallest,
    } = report;
    let of_class = match fewest == most {
        true => format!("{fewest}"),
        false => format!("{fewest} ({smallest}) to {most}"),
    };
    vec![
        (*split).to_owned(),
        classes.to_string(),
        images.to_string(),
        of_class,
    ]
}
