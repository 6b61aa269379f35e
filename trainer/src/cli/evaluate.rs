//! `mamlet evaluate`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::tensor::backend::AutodiffBackend;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::{exit, find_run, output, train};
use crate::config::{Config, Method, TasksConfig};
use crate::device::{DeviceChoice, Job, dispatch};
use crate::evaluate::{
    EvaluateError, Interval, Measure, MethodReport, Progress, Protocol, Report, Setting,
    ShotsReport, evaluate,
};
use crate::model::TrainedModel;
use crate::rivals::networks;
use crate::run::RunDir;
use crate::tasks::{Split, TaskDistribution};

/// Compare runs on the same tasks: error after each inner step, with intervals.
///
/// Every run sees the same test tasks, support sets and query sets. The value is
/// the mean query loss over the tasks, or their mean accuracy where they have
/// classes, with its 95 % interval, 1.96 sigma / sqrt(n). Methods without an inner loop of their own get the best of their
/// candidate rates, chosen on separate validation tasks for each K.
///
/// Where batch norms use the statistics of their batch, predictions depend on
/// the other queries. Transductive: all queries of a task are one batch, as in
/// Finn et al. 2017. Inductive: each query is predicted in a batch with the
/// support set alone, as in Nichol et al. 2018; measured after the run's own
/// number of steps. Runs that differ in nothing but their seed get a row with
/// their mean.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mamlet evaluate runs/sinusoid runs/pretraining
  mamlet evaluate trainer/configs/sinusoid*.toml --json > report.json
  mamlet evaluate runs/sinusoid --tasks 600 --shots 5 --steps 10
  mamlet evaluate runs/omniglot --shots 1 --queries 1,5,15 --setting inductive
  mamlet evaluate runs/gestures-new-classes --tasks 2000 --shots 1,2 --queries 3 --rivals trained
  mamlet evaluate runs/sensors --on trainer/configs/calibration-ocean-thermometer.toml")]
pub(super) struct Arguments {
    /// Run directories, or configs that were trained into their usual place
    #[arg(required = true, value_name = "RUN|CONFIG")]
    runs: Vec<PathBuf>,
    #[command(flatten)]
    episodes: Episodes,
    /// Other tasks than the runs' own: those of another config, with as many inputs
    /// and outputs, such as real devices for a run that was trained on synthetic ones
    #[arg(long, value_name = "CONFIG")]
    on: Option<PathBuf>,
    /// Inner steps [default: 10, with classes as many as each run is meant to
    /// take]
    #[arg(long)]
    steps: Option<usize>,
    /// cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
}

/// Which episodes, and how their queries are predicted.
#[derive(Debug, Args)]
pub(super) struct Episodes {
    /// Number of test tasks [default: 4000, with classes 600, of devices 2000]
    #[arg(long)]
    tasks: Option<usize>,
    /// Classes of a task, for runs that take any number: those with
    /// model.head = "shared" and prototypical networks [default: those of the
    /// config]
    #[arg(long)]
    pub(super) ways: Option<usize>,
    /// Numbers of support examples, K, of each class if there are classes
    /// [default: 5,10,20, with classes 1,5, of devices 1,2,3,5]
    #[arg(long, value_delimiter = ',')]
    shots: Option<Vec<usize>>,
    /// Numbers of query examples per task [default: 100, of devices 20, or 15
    /// readings], or of each class
    /// [default: 15]
    #[arg(long, value_delimiter = ',')]
    queries: Option<Vec<usize>>,
    /// What else is measured on the same tasks [default: simple where data was
    /// measured, else none]
    #[arg(long, value_enum)]
    pub(super) rivals: Option<RivalsChoice>,
    /// How queries are predicted where they can see one another
    #[arg(long, value_enum, default_value = "both")]
    setting: SettingChoice,
    /// Seed of the test tasks
    #[arg(long, default_value_t = Protocol::default().seed)]
    seed: u64,
}

/// `--setting`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SettingChoice {
    Transductive,
    Inductive,
    Both,
}

/// `--rivals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RivalsChoice {
    /// The runs alone.
    None,
    /// What needs no network: nearest neighbours, or corrected averages and ridge.
    Simple,
    /// Also networks like the first run's: from scratch, pretrained and
    /// fine-tuned, prototypical. They are trained into RUN/rivals, once.
    Trained,
}

impl Episodes {
    /// [`Episodes::protocol`], but what is not given is as [`fitting`] for the tasks
    /// of the first model, with the first number of queries.
    pub(super) fn fitting_protocol(
        &self,
        models: &[(String, TrainedModel)],
        steps: Option<usize>,
    ) -> anyhow::Result<Protocol> {
        let protocol = self.protocol(models, steps, None);
        let (Some((_, model)), Some(&queries)) = (models.first(), protocol.queries.first()) else {
            return Ok(protocol);
        };
        let (shots, queries) = fitting(
            &*model.config.tasks.open()?,
            &[protocol.split, Split::Validation],
            (protocol.shots.clone(), self.shots.is_some()),
            (queries, self.queries.is_some()),
        );
        Ok(Protocol {
            shots,
            queries: vec![queries],
            ..protocol
        })
    }

    /// The protocol for some models: what is not given is as usual.
    pub(super) fn protocol(
        &self,
        models: &[(String, TrainedModel)],
        steps: Option<usize>,
        on: Option<TasksConfig>,
    ) -> Protocol {
        let usual = on.as_ref().map_or_else(|| usual(models), Protocol::usual);
        Protocol {
            tasks: self.tasks.unwrap_or(usual.tasks),
            shots: self.shots.clone().unwrap_or(usual.shots),
            steps: steps.or(usual.steps),
            queries: self.queries.clone().unwrap_or(usual.queries),
            settings: match self.setting {
                SettingChoice::Transductive => vec![Setting::Transductive],
                SettingChoice::Inductive => vec![Setting::Inductive],
                SettingChoice::Both => usual.settings,
            },
            seed: self.seed,
            rivals: (self.rivals).map_or(usual.rivals, |rivals| rivals != RivalsChoice::None),
            on,
            ..usual
        }
    }
}

/// Numbers of shots and of queries, the usual unless they were asked for: fewer
/// queries, and then fewer numbers of shots, where the classes of a split have too
/// few examples for what is usual.
pub(super) fn fitting(
    distribution: &dyn TaskDistribution,
    splits: &[Split],
    (shots, asked_shots): (Vec<usize>, bool),
    (queries, asked_queries): (usize, bool),
) -> (Vec<usize>, usize) {
    let fits = |shots: usize, queries: usize| {
        let mut splits = splits.iter();
        splits.all(|&split| distribution.check(split, shots, queries).is_ok())
    };
    let mut kept = shots.clone();
    while let Some(most) = kept.iter().copied().max() {
        let least = if asked_queries { queries } else { 1 };
        if let Some(queries) = (least..=queries).rev().find(|&queries| fits(most, queries)) {
            return (kept, queries);
        }
        if asked_shots {
            break;
        }
        kept.retain(|&shots| shots < most);
    }
    // Even the least is too much, which whoever draws will say.
    (shots, queries)
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let mut models = load(&self.runs, self.episodes.ways)?;
        if self.episodes.rivals == Some(RivalsChoice::Trained) {
            anyhow::ensure!(
                self.episodes.ways.is_none(),
                "--rivals trained goes with the run's own number of classes; leave --ways out"
            );
            match trained_rivals(&models[0].0, self.device)? {
                Some(rivals) => models.extend(rivals),
                None => return Ok(exit::INTERRUPTED),
            }
        }
        let on = self.on.as_ref().map(|path| Config::load(path, &[]));
        let on = on.transpose()?.map(|config| config.tasks);
        let protocol = self.episodes.protocol(&models, self.steps, on);
        let report = execute(&models, &protocol, self.device)?;
        if self.json {
            output::line(serde_json::to_string(&report)?)?;
        } else {
            output::line(render(&report))?;
        }
        Ok(exit::SUCCESS)
    }
}

/// The results of runs, each with the place it comes from. A classifier comes
/// twice: as it adapts, and with its head alone adapting. For tasks of `ways`
/// classes, if that is given.
pub(super) fn load(
    runs: &[PathBuf],
    ways: Option<usize>,
) -> anyhow::Result<Vec<(String, TrainedModel)>> {
    let mut models = Vec::new();
    for path in runs {
        let run = find_run(path)?;
        let (name, mut model) = (run.display().to_string(), TrainedModel::load(&run)?);
        if let Some(ways) = ways {
            model = model.with_ways(ways)?;
        }
        let head_only = model.head_only()?;
        models.push((name.clone(), model));
        models.extend(head_only.map(|model| (name, model)));
    }
    Ok(models)
}

/// Networks like a run's that are trained otherwise, in RUN/rivals; `None` if
/// their training was interrupted.
fn trained_rivals(
    run: &str,
    device: DeviceChoice,
) -> anyhow::Result<Option<Vec<(String, TrainedModel)>>> {
    let all = networks(&RunDir::open(Path::new(run))?.config()?);
    if all.is_empty() {
        eprintln!("{run}: no dense layer last, or a context layer, so no rivals are trained");
    }
    let mut models = Vec::new();
    for (name, config) in all {
        let path = Path::new(run).join("rivals").join(name);
        let model = if config.method == Method::Random {
            TrainedModel::initial(config)?
        } else {
            eprintln!("{}: {}", path.display(), config.title);
            match train::needed(&config, &path, device)? {
                Some(model) => model,
                None => return Ok(None),
            }
        };
        let head_only = model.head_only()?;
        let name = path.display().to_string();
        models.push((name.clone(), model));
        models.extend(head_only.map(|model| (name, model)));
    }
    Ok(Some(models))
}

/// What is usual for the tasks of the first of some models.
pub(super) fn usual(models: &[(String, TrainedModel)]) -> Protocol {
    let first = models.first();
    first.map_or_else(Protocol::default, |(_, model)| {
        Protocol::usual(&model.config.tasks)
    })
}

/// Evaluates on the chosen device, showing how far it is.
pub(super) fn execute(
    models: &[(String, TrainedModel)],
    protocol: &Protocol,
    device: DeviceChoice,
) -> anyhow::Result<Report> {
    struct Evaluation<'a>(&'a [(String, TrainedModel)], &'a Protocol);

    impl Job for Evaluation<'_> {
        type Output = Result<Report, EvaluateError>;

        fn run<B: AutodiffBackend>(self, device: B::Device) -> Self::Output {
            let mut display = Display::new();
            evaluate::<B::InnerBackend>(self.0, self.1, &device, |progress| display.show(progress))
        }
    }

    Ok(dispatch(device, Evaluation(models, protocol))??)
}

/// A bar on a terminal, a line now and then elsewhere.
pub(super) struct Display {
    bar: Option<ProgressBar>,
    shown: Instant,
}

impl Display {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta} left {msg}")
                // The template is constant and tested by every run.
                .expect("a valid template");
            ProgressBar::new(0).with_style(style)
        });
        Self {
            bar,
            shown: Instant::now(),
        }
    }

    pub(super) fn show(&mut self, progress: Progress<'_>) {
        let Progress { title, done, tasks } = progress;
        if let Some(bar) = &self.bar {
            if (done as u64) < bar.position() {
                bar.reset_eta();
            }
            bar.set_length(tasks as u64);
            bar.set_position(done as u64);
            bar.set_message(title.to_owned());
        } else if self.shown.elapsed() > Duration::from_secs(10) {
            self.shown = Instant::now();
            eprintln!("evaluating {title}: {done}/{tasks} tasks");
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What the numbers of a table were measured on.
pub(super) fn episodes(split: Split, tasks: usize, ways: Option<usize>, seed: u64) -> String {
    let from = match split {
        Split::Train => "training",
        Split::Validation => "validation",
        Split::Test => "test",
    };
    let ways = ways.map_or_else(String::new, |ways| format!("{ways}-way, "));
    format!("{ways}{tasks} {from} tasks, seed {seed}")
}

/// `transductive`, `inductive`, or nothing where both are the same.
pub(super) fn setting(settings: &[Setting]) -> &'static str {
    match settings {
        [only] => only.name(),
        _ => "",
    }
}

/// One table per number of shots and queries: a row per method and setting, a
/// column per number of steps.
pub(super) fn render(report: &Report) -> String {
    let measure = report.measure();
    let per = match report.ways {
        None => "task",
        Some(_) => "class",
    };
    let mut text = format!(
        "{}, mean with 95 % interval over tasks; {}",
        measured(measure, report.unit.as_deref()),
        episodes(report.split, report.tasks, report.ways, report.seed)
    );
    for shots in &report.shots {
        text += &format!("\n\n{}", table(shots, measure, per));
        text += &rivals(shots, measure);
    }
    text += &notes(report);
    text.trim_end().to_owned()
}

fn table(shots: &ShotsReport, measure: Measure, per: &str) -> String {
    let steps = shots.methods.iter().flat_map(|method| &method.steps);
    let last = steps.map(|step| step.step).max().unwrap_or(0);
    let own: Vec<usize> = shots
        .methods
        .iter()
        .map(|method| method.own_steps)
        .collect();
    let measured = |step: usize| {
        shots
            .methods
            .iter()
            .any(|method| method.after(step).is_some())
    };
    let columns: Vec<usize> = (0..=last)
        .filter(|step| *step <= 3 || *step == 5 || *step == last || own.contains(step))
        .filter(|&step| measured(step))
        .collect();
    let mut head = vec![format!(
        "K = {}, {} {} per {per}",
        shots.shots,
        shots.queries,
        if shots.queries == 1 {
            "query"
        } else {
            "queries"
        }
    )];
    head.extend(columns.iter().map(|step| match step {
        1 => "1 step".to_owned(),
        step => format!("{step} steps"),
    }));
    head.extend(["rate", "diverged"].map(str::to_owned));
    let rows: Vec<Vec<String>> = (shots.methods.iter())
        .flat_map(|method| {
            let own = row(method, measure, &columns);
            std::iter::once(own).chain(of_devices(method, &columns))
        })
        .collect();
    output::table(&head, &rows)
}

/// What can be had without meta-learning, and whether it pays.
fn rivals(shots: &ShotsReport, measure: Measure) -> String {
    let mut text = String::new();
    if !shots.rivals.is_empty() {
        let head = ["rival, on the same tasks", measure.name(), "chosen"].map(str::to_owned);
        let rows = shots.rivals.iter().map(|rival| {
            vec![
                rival.title.clone(),
                value(rival.of(measure), measure),
                rival.choice.clone().unwrap_or_default(),
            ]
        });
        text += &format!("\n\n{}", output::table(&head, &rows.collect::<Vec<_>>()));
    }
    if let Some(verdict) = &shots.verdict {
        let scale = if measure == Measure::Accuracy {
            100.0
        } else {
            1.0
        };
        text += &format!(
            "\n{}: {} is ahead of {} by {} ± {}",
            verdict.words(),
            verdict.run,
            verdict.rival,
            number(scale * verdict.ahead.mean, measure),
            number(scale * verdict.ahead.half_width, measure)
        );
    }
    text
}

/// The errors device by device, where tasks are of a finite set of them.
fn of_devices(method: &MethodReport, columns: &[usize]) -> Option<Vec<String>> {
    let devices = |step: usize| method.after(step)?.error?.devices;
    let count = columns.iter().find_map(|&step| devices(step))?.count;
    let mut row = vec![format!("  mean over {count} devices")];
    row.extend(columns.iter().map(|&step| {
        let interval = devices(step).map(|devices| devices.interval());
        interval.map_or_else(String::new, |own| value(Some(own), Measure::Error))
    }));
    row.extend([String::new(), String::new()]);
    Some(row)
}

fn row(method: &MethodReport, measure: Measure, columns: &[usize]) -> Vec<String> {
    let mut name = method.title.clone();
    let setting = setting(&method.settings);
    if !setting.is_empty() {
        name += &format!(", {setting}");
    }
    let mut row = vec![name];
    row.extend(columns.iter().map(|&step| {
        let Some(report) = method.after(step) else {
            return String::new();
        };
        let mut cell = value(report.of(measure), measure);
        let spread = report.between_seeds.and_then(|spread| spread.of(measure));
        if let Some(spread) = spread {
            cell += &format!(" (seeds {})", number(spread, measure));
        }
        cell
    }));
    row.push(match method.tuned_rate {
        Some(rate) => format!("{rate:.4} tuned"),
        None if method.own_steps > 0 && method.seeds.is_empty() => "own".into(),
        None => String::new(),
    });
    let diverged = method.steps.last().and_then(|report| report.diverged);
    row.push(diverged.map_or_else(String::new, |count| count.to_string()));
    row
}

/// What a measure is called, with the unit it is in.
pub(super) fn measured(measure: Measure, unit: Option<&str>) -> String {
    match unit.filter(|unit| measure == Measure::Error && !unit.is_empty()) {
        Some(unit) => format!("{} in {unit}", measure.name()),
        None => measure.name().to_owned(),
    }
}

/// `98.7 ± .4`, with the digits that `measure` deserves.
pub(super) fn value(interval: Option<Interval>, measure: Measure) -> String {
    interval.map_or_else(
        || "not finite".to_owned(),
        |Interval { mean, half_width }| {
            format!(
                "{} ± {}",
                number(mean, measure),
                number(half_width, measure)
            )
        },
    )
}

pub(super) fn number(value: f64, measure: Measure) -> String {
    match measure {
        Measure::Accuracy => format!("{value:.2}"),
        Measure::Error if value.abs() < 1.0 => format!("{value:.5}"),
        Measure::Loss | Measure::Error if value.abs() < 1e4 => format!("{value:.3}"),
        Measure::Loss | Measure::Error => format!("{value:.1e}"),
    }
}

/// What the words and rows of the tables mean.
fn notes(report: &Report) -> String {
    let methods = || report.shots.iter().flat_map(|shots| &shots.methods);
    let mut text = "\n\ndiverged: tasks whose support loss ended above that before adaptation, or \
                    not finite\n"
        .to_owned();
    if methods().any(|method| method.settings.len() == 1) {
        text += "transductive: all queries of a task in one batch, whose statistics normalise \
                 it\ninductive: each query in a batch with the support set alone, after the run's \
                 own steps\n";
    }
    if methods().any(|method| method.settings.len() > 1) {
        text += "a row without either word: both are the same, as no query sees another\n";
    }
    if report.unit.is_some() {
        text += "root mean square error: over all queries of all tasks; of devices: the root of \
                 each one's mean, and their mean with its 95 % interval over devices\n";
    }
    if methods().any(|method| method.tuned_rate.is_some()) {
        text += &format!("tuned: on {} validation tasks\n", report.tuning_tasks);
    }
    if methods().any(|method| !method.seeds.is_empty()) {
        text += "mean of seeds: of every task's mean over the runs; in brackets the standard \
                 deviation between runs\n";
    }
    let mut told: Vec<(&str, &str)> = Vec::new();
    for method in methods().filter(|method| method.seeds.is_empty()) {
        let name = (method.run.as_str(), method.title.as_str());
        if told.contains(&name) {
            continue;
        }
        told.push(name);
        text += &format!(
            "{}: {}, protocol {}, seed {}, judged after {}, parameters of iteration {}, {}\n",
            method.title,
            method.run,
            method.protocol.name(),
            method.seed,
            match method.own_steps {
                1 => "1 step".to_owned(),
                steps => format!("{steps} steps"),
            },
            method.iteration,
            method.chosen.words()
        );
    }
    text
}
