//! The command line.

mod act;
mod flash;
mod replay;
mod serve;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use mamlet_runtime::{Adaptation, FrontEnd, Learner, Rollback, golden};
use mamlet_simulator::board::{self, Board};
use mamlet_simulator::file::ArtifactFile;
use mamlet_simulator::fit::Fit;
use mamlet_simulator::session::{self, BeforeAfter, SessionReport, counted_steps};
use mamlet_simulator::{Model, samples, table};
use serde::Serialize;

/// Runs an artifact as a board would: same engine, same bytes, same bits, with
/// the board's flash, RAM and clock.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done and fits, 1 error, 2 wrong usage, 3 does not fit the board"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Adapt to support examples and predict for query examples
    #[command(
        after_help = "CSV files have a header; the first columns are the model's inputs, the \
        columns after them the targets (numbers, or one class).\n\n\
        Where the artifact takes samples of a sensor, files may hold recordings as they were \
        made: a row a sample, a column a channel, and one of the class, which --label names \
        where there are others. A recording ends where the class or a column of --recording \
        changes, and at a blank line.\n\n\
        A class is a name of the artifact or a number. Where the artifact has no names, those of \
        the support examples are numbered in the order in which they appear.\n\n\
        Examples:\n  \
        mamlet-sim run sinusoid.mamlet --board nrf52840 --support five.csv --query grid.csv\n  \
        mamlet-sim run gestures.mamlet --support anna.csv --query bert.csv --recording take"
    )]
    Run(Run),
    /// Adapt to every episode of a file and say how its queries are predicted
    #[command(after_help = "\
        Example: mamlet-sim replay omniglot-micro-int8.mamlet omniglot.episodes --board nrf52840")]
    Replay(replay::Replay),
    /// Let a policy learn to control units of a plant that nobody has seen
    #[command(
        after_help = "A unit is drawn by its seed: the gain, friction, load and inertia of a \
        servo. The policy acts for a few episodes, takes a step from them, acts again, and in \
        the end keeps what it learnt or goes back.\n\n\
        Example: mamlet-sim act servo.mamlet --plant servo --unit 7 --unit 8"
    )]
    Act(act::Act),
    /// Be a board that is taught over a line: `mamlet device` is the other end
    #[command(
        after_help = "It prints the path of a pseudo-terminal and answers there until Ctrl-C.\n\n\
        Example: mamlet-sim serve sinusoid.mamlet --flash-file board.bin\n         \
        mamlet device /dev/pts/4 teach five.csv"
    )]
    Serve(serve::Serve),
    /// Compute the artifact's golden vectors and compare bit for bit
    Verify {
        /// The artifact
        artifact: PathBuf,
    },
    /// List the boards it knows
    Boards {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct Run {
    /// The artifact
    artifact: PathBuf,
    /// Support examples with targets: what the board adapts to
    #[arg(long, value_name = "FILE.csv", required_unless_present = "flash_file")]
    support: Option<PathBuf>,
    /// Query examples, with targets or without
    #[arg(long, value_name = "FILE.csv")]
    query: Option<PathBuf>,
    /// The column of the class in recordings
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// A column that is the same in all rows of a recording; may be given again
    #[arg(long, value_name = "COLUMN")]
    recording: Vec<String>,
    /// Inner steps instead of the recipe's
    #[arg(long)]
    steps: Option<usize>,
    /// One learning rate instead of the recipe's
    #[arg(long, allow_negative_numbers = true)]
    rate: Option<f32>,
    #[command(flatten)]
    flash: flash::FlashArgs,
    #[command(flatten)]
    budget: Budget,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Budget {
    /// The board: see `mamlet-sim boards`
    #[arg(long, default_value = board::DEFAULT)]
    board: String,
    /// Flash in KiB, instead of the board's
    #[arg(long, value_name = "KIB")]
    flash: Option<usize>,
    /// RAM in KiB, instead of the board's
    #[arg(long, value_name = "KIB")]
    ram: Option<usize>,
    /// Clock in MHz, instead of the board's
    #[arg(long, value_name = "MHZ")]
    clock: Option<u64>,
}

/// What `run --json` prints.
#[derive(Serialize)]
struct RunOutput<'a> {
    artifact: &'a str,
    #[serde(flatten)]
    fit: &'a Fit,
    #[serde(flatten)]
    session: &'a SessionReport,
}

/// Parses, acts, and turns the result into an exit code.
pub fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let result = match Cli::parse().command {
        Command::Run(args) => run(&args, &mut out),
        Command::Replay(args) => args.run(&mut out),
        Command::Act(args) => args.run(&mut out),
        Command::Serve(args) => args.run(&mut out),
        Command::Verify { artifact } => verify(&artifact, &mut out),
        Command::Boards { json } => boards(json, &mut out),
    };
    match result {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mamlet-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn run(args: &Run, out: &mut impl Write) -> Result<ExitCode> {
    let board = args.budget.board()?;
    if let Some(rate) = args.rate.filter(|rate| !(*rate > 0.0 && rate.is_finite())) {
        bail!("--rate {rate}: it takes a number above 0");
    }
    let name = args.artifact.display().to_string();
    let file = ArtifactFile::read(&args.artifact)?;
    let artifact = file.artifact().with_context(|| name.clone())?;
    let model = Model::new(&artifact).with_context(|| name.clone())?;
    let mut columns = table::Columns::of(&artifact, &model)?;
    let told = samples::Recordings {
        label: args.label.clone(),
        columns: args.recording.clone(),
    };
    if let Some(path) = &args.support {
        match samples::are_in(path, &artifact, &columns)? {
            true => samples::name_classes(path, &artifact, &mut columns, &told)?,
            false => columns.name_classes(path)?,
        }
    }
    let read = |path: &Option<PathBuf>, targets| match path {
        Some(path) if samples::are_in(path, &artifact, &columns)? => {
            samples::read(path, &artifact, &model, &columns, &told, targets)
        }
        Some(path) => table::read(path, &columns, targets),
        None => Ok(Vec::new()),
    };
    let support = read(&args.support, true)?;
    let query = read(&args.query, false)?;
    let steps = args.steps.unwrap_or(model.steps());
    let mut flash = args.flash.open(&board, model.adapting())?;
    let fit = Fit::new(&model, file.bytes().len(), support.len(), steps, board);
    let adaptation = Adaptation {
        steps: args.steps,
        rate: args.rate,
    };
    let mut session =
        session::run_with_flash(&model, &support, &query, adaptation, flash.as_deref_mut())?;
    if let Some(flash) = flash {
        flash.write()?;
    }
    session.name(&model, columns.names(), &query);
    if args.json {
        let output = RunOutput {
            artifact: artifact.description()?.name,
            fit: &fit,
            session: &session,
        };
        writeln!(out, "{}", serde_json::to_string(&output)?)?;
    } else {
        print_fit(&fit, artifact.description()?.name, out)?;
        print_pipeline(&model, out)?;
        if let Some(report) = &session.flash {
            flash::print(report, out)?;
        }
        print_session(&session, out)?;
    }
    Ok(if fit.fits {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(3)
    })
}

fn verify(path: &std::path::Path, out: &mut impl Write) -> Result<ExitCode> {
    let name = || path.display().to_string();
    let file = ArtifactFile::read(path)?;
    let artifact = file.artifact().with_context(name)?;
    let model = Model::new(&artifact).with_context(name)?;
    let examples = artifact
        .golden()
        .with_context(name)?
        .map_or(0, |golden| golden.sizes.examples as usize);
    let rollback = Rollback::ToInitialisation;
    let mut memory = vec![0.0; model.memory(examples, rollback).total().len()];
    let mut learner = Learner::new(&model, examples, rollback, &mut memory)?;
    let verification = golden::verify(&artifact, &mut learner).with_context(name)?;
    let rows = [
        ("outputs", verification.outputs),
        ("losses", verification.losses),
        ("gradients", verification.gradients),
    ];
    for (what, agreement) in rows {
        let golden::Agreement {
            identical, total, ..
        } = agreement;
        writeln!(out, "{what:<16} {identical} of {total} identical")?;
    }
    let same = if verification.adapted_identical {
        "identical"
    } else {
        "different"
    };
    writeln!(out, "adapted weights  {same}")?;
    if !verification.is_identical() {
        bail!(
            "{}: this executor does not reproduce the golden vectors",
            name()
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn boards(json: bool, out: &mut impl Write) -> Result<ExitCode> {
    let boards: Vec<Board> = Board::all().collect();
    if json {
        writeln!(out, "{}", serde_json::to_string(&boards)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{:<15} {:<10} {:>11} {:>9} {:>8}  core",
        "board", "chip", "flash", "RAM", "clock"
    )?;
    for board in boards {
        let Board {
            name, chip, core, ..
        } = &board;
        let software = match core.has_fpu() {
            true => "",
            false => ", floating point in software",
        };
        let (flash, ram) = (board.flash / 1024, board.ram / 1024);
        writeln!(
            out,
            "{name:<15} {chip:<10} {flash:>7} KiB {ram:>5} KiB {:>4} MHz  {}{software}",
            board.clock / 1_000_000,
            core.name(),
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_fit(fit: &Fit, name: &str, out: &mut impl Write) -> Result<()> {
    let Fit {
        board,
        flash,
        ram,
        macs,
        seconds,
        ..
    } = fit;
    writeln!(
        out,
        "{name} on {}: {} example{}, {}",
        board.name,
        fit.examples,
        if fit.examples == 1 { "" } else { "s" },
        counted_steps(fit.steps)
    )?;
    let verdict = |needed: usize, given: usize| match needed <= given {
        true => format!("{needed} of {given} bytes"),
        false => format!("DOES NOT FIT: needs {needed} bytes, the board has {given}"),
    };
    writeln!(
        out,
        "  flash   {} (artifact {}, engine {})",
        verdict(flash.total, board.flash),
        flash.artifact,
        flash.engine
    )?;
    writeln!(
        out,
        "  RAM     {} (adapted weights {}, examples {}, workspace {}, stack {})",
        verdict(ram.total, board.ram),
        ram.adapted,
        ram.support,
        ram.workspace,
        ram.stack
    )?;
    writeln!(
        out,
        "  adapt   {} multiply-accumulates, about {:.1} ms; at most {} and {:.1} ms",
        macs.adaptation,
        seconds.adaptation * 1e3,
        macs.adaptation_at_most,
        seconds.adaptation_at_most * 1e3
    )?;
    writeln!(
        out,
        "  predict {} multiply-accumulates, about {:.3} ms",
        macs.prediction,
        seconds.prediction * 1e3
    )?;
    Ok(())
}

/// What stands around the model, where there is anything.
fn print_pipeline(model: &Model<'_>, out: &mut impl Write) -> Result<()> {
    if let Some(front_end) = model.front_end() {
        let bytes = FrontEnd::memory(model).bytes();
        writeln!(out, "  samples {front_end}; {bytes} bytes of RAM more")?;
    }
    if let Some(temperature) = model.prototypes() {
        writeln!(out, "  head    at prototypes, temperature {temperature}")?;
    }
    if let Some(rejection) = model.rejection() {
        writeln!(out, "  unknown {rejection}")?;
    }
    Ok(())
}

fn print_session(session: &SessionReport, out: &mut impl Write) -> Result<()> {
    writeln!(out, "{}", session.outcome)?;
    for (step, loss) in session.losses.iter().enumerate() {
        writeln!(out, "  after step {step:<2} support loss {loss:.6}")?;
    }
    let figure = |name, figure: Option<BeforeAfter>, out: &mut dyn Write| match figure {
        Some(BeforeAfter { before, after }) => {
            writeln!(out, "query {name}: {before:.6} before, {after:.6} after")
        }
        None => Ok(()),
    };
    figure("mean squared error", session.mean_squared_error, out)?;
    figure("accuracy", session.accuracy, out)?;
    if let Some(unknown) = session.unknown {
        let queries = session.predictions.len();
        writeln!(out, "unknown: {unknown} of {queries} queries")?;
    }
    if !session.predictions.is_empty() {
        writeln!(out, "input -> before -> after")?;
    }
    for prediction in &session.predictions {
        // A recording fills a line with its first numbers; JSON has them all.
        let list = |numbers: &[f32]| {
            let shown = numbers.iter().take(SHOWN);
            let mut words: Vec<_> = shown.map(|number| format!("{number:.4}")).collect();
            if numbers.len() > SHOWN {
                words.push(format!("… {} more", numbers.len() - SHOWN));
            }
            words.join(" ")
        };
        let [input, before, after] =
            [&prediction.input, &prediction.before, &prediction.after].map(|n| list(n));
        let said = [
            prediction.class.clone(),
            prediction
                .truth
                .as_ref()
                .map(|truth| format!("truth {truth}")),
        ];
        let said: Vec<String> = said.into_iter().flatten().collect();
        let said = match said.is_empty() {
            true => String::new(),
            false => format!(" ({})", said.join(", ")),
        };
        writeln!(out, "  {input} -> {before} -> {after}{said}")?;
    }
    Ok(())
}

/// How many numbers of an input or output a line shows.
const SHOWN: usize = 8;

impl Budget {
    /// The named board with what was given instead.
    fn board(&self) -> Result<Board> {
        let Some(mut board) = Board::named(&self.board) else {
            bail!(
                "there is no board {:?}; there are {}",
                self.board,
                Board::names()
            );
        };
        if self.flash.is_some() || self.ram.is_some() || self.clock.is_some() {
            board.name.push_str(" (changed)");
        }
        let scale = |value: usize| value.saturating_mul(1024);
        board.flash = self.flash.map_or(board.flash, scale);
        board.ram = self.ram.map_or(board.ram, scale);
        board.clock = self
            .clock
            .map_or(board.clock, |mhz| mhz.saturating_mul(1_000_000));
        if board.clock == 0 {
            bail!("--clock 0: a board without a clock computes nothing");
        }
        Ok(board)
    }
}
