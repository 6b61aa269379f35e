//! `mamlet size`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::episode_flags::{check_tasks, fitting};
use super::export::{Kind, quantize};
use super::flags::{Compute, OnBoard, Overrides};
use super::needed::{self, There};
use super::{Usage, exit, output};
use crate::config::Config;
use crate::device::check;
use crate::export::Quantize;
use crate::model::TrainedModel;
use crate::page::number::{counted, kib, rough};
use crate::run::{Lock, RunDir, RunError, write_atomically};
use crate::shell;
use crate::size::{Grid, Point, SizeTable, measure, narrowed, shortened};
use crate::tasks::{Split, TaskDistribution};

/// Weigh accuracy against flash, RAM and arithmetic, and mark the Pareto front.
///
/// Trains the network at several widths, each in a run of its own, exports every
/// one as f32, f16 and int8, and lets the engine of the device adapt it with several
/// numbers of shots and steps. Times on boards are estimated from
/// multiply-accumulates. Runs that are there already are used or gone on with, so an
/// interrupted command may be given again.
#[derive(Debug, Args)]
#[command(
    mut_arg("sets", |sets| {
        sets.help("Override a value of the config, e.g. --set tasks.ways=3")
    }),
    mut_arg("board", |board| board.help("The board whose time is told")),
    mut_arg("device", |device| device.help("Where to train: cpu, cuda or cuda:N")),
    after_help = "\
Examples:
  mamlet size trainer/configs/gestures/gestures-new-classes.toml --data data
  mamlet size runs/gestures-new-classes --widths 0.5,1 --quantize int8 --shots 1
  mamlet size trainer/configs/sinusoid/sinusoid-best.toml --iterations 5000 --csv > size.csv")]
pub(super) struct Arguments {
    /// A config, or a run, which is then the point of width 1
    #[arg(value_name = "CONFIG|RUN")]
    source: PathBuf,
    #[command(flatten)]
    overrides: Overrides,
    /// Factors on the outputs of every hidden layer
    #[arg(long, value_delimiter = ',', default_values_t = [0.25, 0.5, 1.0])]
    widths: Vec<f64>,
    /// Forms besides f32: what does not adapt as int8, what adapts as f16
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::F16, Kind::Int8], value_name = "KIND")]
    quantize: Vec<Kind>,
    /// Numbers of support examples, K, of each class if there are classes [default:
    /// 1,5, or what there is; without classes 5,10]
    #[arg(long, value_delimiter = ',')]
    shots: Option<Vec<usize>>,
    /// Numbers of inner steps [default: 1 and those of training]
    #[arg(long, value_delimiter = ',')]
    steps: Option<Vec<usize>>,
    /// Iterations that each width is trained for [default: a quarter of the
    /// config's, all of a run's]
    #[arg(long)]
    iterations: Option<u64>,
    /// Test tasks that each point is evaluated on
    #[arg(long, default_value_t = 300)]
    tasks: usize,
    /// Query examples of a task, of each class if there are classes [default: 10,
    /// or what there is]
    #[arg(long)]
    queries: Option<usize>,
    #[command(flatten)]
    on_board: OnBoard,
    /// Folder of the runs and of the page, size.html [default: runs/NAME-size]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Replace runs of an earlier command whose config was another
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    compute: Compute,
    /// Print one JSON object instead of a table
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print comma-separated values instead of a table
    #[arg(long)]
    csv: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        check(self.compute.device)?;
        let (full, trained) = self.source()?;
        let distribution = full.tasks.open()?;
        let grid = self.grid(&full, &*distribution)?;
        let quarter = || (full.meta.iterations / 4).max(1);
        let iterations = self.iterations.unwrap_or_else(|| match trained {
            Some(_) => full.meta.iterations,
            None => quarter(),
        });
        anyhow::ensure!(
            iterations > 0,
            Usage("--iterations must be at least 1".into())
        );
        let config = shortened(&full, iterations);
        check_exportable(&config)?;
        let most_shots = grid.shots.iter().copied().max().unwrap_or(1);
        distribution.check(Split::Test, most_shots, grid.queries)?;
        let folder = self
            .run
            .clone()
            .unwrap_or_else(|| Path::new("runs").join(format!("{}-size", full.name)));
        let mut table = SizeTable {
            name: full.name.clone(),
            title: full.title.clone(),
            seed: full.seed,
            iterations,
            full_iterations: full.meta.iterations,
            tasks: grid.tasks,
            ways: full.tasks.classes(),
            queries: grid.queries,
            board: grid.board.name.clone(),
            command: shell::given(),
            points: Vec::new(),
        };
        let _lock = Lock::acquire(&folder)?;
        let there = match self.overwrite {
            true => There::Renewed,
            false => There::Used,
        };
        let mut networks: Vec<(f64, Config, PathBuf)> = Vec::new();
        for &width in &grid.widths {
            let config = narrowed(&config, width);
            // Rounding may give two widths the same network.
            if networks
                .iter()
                .any(|(_, other, _)| other.model == config.model)
            {
                eprintln!("width {width} is the same network as another; left out");
                continue;
            }
            let own = trained.as_ref().filter(|_| config == full);
            let path = match own {
                Some(run) => run.clone(),
                None => folder.join(format!("width-{width}")),
            };
            if own.is_none() {
                of_another(needed::check(&config, &path, there), &path)?;
            }
            networks.push((width, config, path));
        }
        for (width, config, path) in networks {
            let device = self.compute.device;
            let own = trained.as_ref().filter(|_| config == full);
            let model = match own {
                Some(run) => TrainedModel::load(run)?,
                None => match of_another(needed::needed(&config, &path, device, there), &path)? {
                    Some(model) => model,
                    None => return Ok(exit::INTERRUPTED),
                },
            };
            let manifest = RunDir::open(&path)?.manifest();
            let points = measure(
                &model,
                manifest.as_ref(),
                &grid,
                width,
                |form, shots, steps| {
                    let (shots, steps) = (counted(shots, "shot"), counted(steps, "step"));
                    eprintln!("width {width}, {form}: {shots}, {steps}");
                },
            );
            table
                .points
                .extend(points.with_context(|| format!("width {width}"))?);
        }
        table.mark_front();
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let page = folder.join("size.html");
        write_atomically(&page, table.to_html().as_bytes())?;
        if self.json {
            output::line(serde_json::to_string(&table)?)?;
        } else if self.csv {
            output::line(table.to_csv().trim_end())?;
        } else {
            output::line(render(&table))?;
            output::line(page.display())?;
        }
        Ok(exit::SUCCESS)
    }

    /// The config, and the run that has been trained by it.
    fn source(&self) -> anyhow::Result<(Config, Option<PathBuf>)> {
        if !self.source.is_dir() {
            return Ok((Config::load(&self.source, &self.overrides.sets)?, None));
        }
        anyhow::ensure!(
            self.overrides.sets.is_empty(),
            Usage(format!(
                "--set changes a config, and {} is a run, whose config stands",
                self.source.display()
            ))
        );
        let run = RunDir::open(&self.source)?;
        let finished = run.outcome().is_some();
        Ok((run.config()?, finished.then(|| self.source.clone())))
    }

    fn grid(&self, config: &Config, distribution: &dyn TaskDistribution) -> anyhow::Result<Grid> {
        let no_zero = |numbers: &[usize], flag: &str| {
            let usable = !numbers.is_empty() && !numbers.contains(&0);
            anyhow::ensure!(usable, Usage(format!("{flag} takes numbers of at least 1")));
            Ok(())
        };
        let classes = config.tasks.classes().is_some();
        let usual = if classes { vec![1, 5] } else { vec![5, 10] };
        let shots = self.shots.clone().unwrap_or(usual);
        no_zero(&shots, "--shots")?;
        let queries = self.queries.unwrap_or(10);
        no_zero(&[self.tasks, queries], "--tasks and --queries")?;
        check_tasks(Some(self.tasks))?;
        let (shots, queries) = fitting(
            distribution,
            &[Split::Test],
            (shots, self.shots.is_some()),
            (queries, self.queries.is_some()),
        );
        let mut steps = self.steps.clone();
        let steps = steps.get_or_insert_with(|| vec![1, config.inner.steps.max(1)]);
        no_zero(steps, "--steps")?;
        steps.sort_unstable();
        steps.dedup();
        for width in &self.widths {
            anyhow::ensure!(
                *width > 0.0 && *width <= 16.0,
                Usage(format!(
                    "--widths {width}: a factor above 0 and at most 16, such as 0.5"
                ))
            );
        }
        let mut forms = vec![Quantize::default()];
        forms.extend(self.quantize.iter().map(|kind| quantize(&[*kind])));
        if self.quantize.contains(&Kind::F16) && self.quantize.contains(&Kind::Int8) {
            forms.push(quantize(&self.quantize));
        }
        Ok(Grid {
            widths: self.widths.clone(),
            forms,
            shots,
            steps: steps.clone(),
            tasks: self.tasks,
            queries,
            board: self.on_board.board()?,
        })
    }
}

/// A result where a run that is there may be of another command.
fn of_another<T>(result: anyhow::Result<T>, path: &Path) -> anyhow::Result<T> {
    result.map_err(|error| match error.downcast_ref() {
        Some(RunError::Changed { .. } | RunError::OtherData { .. }) => error.context(format!(
            "{} is of another command; give --overwrite to replace it, or another --run",
            path.display()
        )),
        _ => error.context(format!("training {}", path.display())),
    })
}

/// What an export would refuse once everything is trained.
fn check_exportable(config: &Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        config.method.has_recipe(),
        "{} has no inner steps of its own, so a device cannot adapt by it; size a config with \
         method = \"maml\" or \"reptile\"",
        config.title
    );
    let rates = TrainedModel::initial(config.clone())?.rates;
    anyhow::ensure!(
        rates.is_some_and(|rates| rates.is_per_tensor()),
        "an artifact holds a rate per tensor and step; set inner.rate.per = \"tensor\" in {}",
        config.name
    );
    Ok(())
}

/// A row per point; those on the front have a star.
fn render(table: &SizeTable) -> String {
    let head = [
        "",
        "width",
        "stored as",
        "shots",
        "steps",
        table.measure(),
        "flash",
        "RAM",
        "MAC to learn",
        "MAC to predict",
        "fits on",
    ];
    let row = |point: &Point| {
        vec![
            if point.front { "*" } else { "" }.to_owned(),
            point.width.to_string(),
            point.form.to_owned(),
            point.shots.to_string(),
            point.steps.to_string(),
            point.score_text(),
            kib(point.costs.flash),
            kib(point.costs.ram),
            rough(point.costs.learning),
            rough(point.costs.prediction),
            point.fitting(),
        ]
    };
    let rows: Vec<Vec<String>> = table.points.iter().map(row).collect();
    format!(
        "{}\n\n* on the Pareto front: no other point is as good in {}, shots, flash, RAM and \
         multiply-accumulates (MAC) and better in one\neach width trained for {}; {} test tasks, seed {}, 95 % intervals; \
         flash with the engine, RAM with the stack",
        output::table(&head.map(str::to_owned), &rows),
        table.measure(),
        table.training(),
        table.tasks,
        table.seed
    )
}
