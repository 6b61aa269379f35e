//! The commands of the project, so that a person and CI run the same.

mod act;
#[path = "../../app/src/arithmetic.rs"]
mod arithmetic;
mod cycles;
mod example;
mod examples;
mod firmware;
mod fuzz;
mod gestures;
mod host;
mod kernels;
mod measure;
mod mujoco;
mod needs;
mod omniglot;
mod panics;
mod project;
mod reference;
mod replay;
mod serve;
mod test;
mod toolchain;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tests, measures and runs the project.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Formatting, lints, host tests, documentation, firmware built and run in QEMU.
    ///
    /// What is missing is installed first: as root on Debian at once, elsewhere when
    /// asked, or with --install. What could not be run is named at the end. With CI=true
    /// in the environment that is a failure, and nothing is run.
    Test(test::Options),
    /// Count instructions, RAM and flash of the engine on a Cortex-M4F in QEMU,
    /// and predict its cycles
    Measure(measure::Options),
    /// Build and run one firmware example in QEMU
    Run {
        /// The example: see firmware-examples/app/programs
        example: String,
        /// The board that is emulated: a folder of firmware-examples/emulated
        #[arg(long, alias = "machine", default_value = reference::BOARD)]
        board: String,
    },
    /// Run an artifact of your own on a Cortex-M4F in QEMU: accuracy, instructions
    /// and memory of episodes of its tasks, the same as in the simulator
    ///
    /// mamlet export runs/NAME --shots 1
    /// mamlet episode runs/NAME --shots 1 --tasks 10 --output NAME.episodes
    /// cargo xtask replay runs/NAME/NAME.mamlet NAME.episodes
    #[command(verbatim_doc_comment)]
    Replay(replay::Options),
    /// Find MuJoCo's library, or fetch it by pip, verify it, and put it where the trainer's
    /// feature `mujoco` is linked from
    Mujoco(mujoco::Options),
    /// Fuzz the readers and the engine; what fails is kept in target/fuzz/failures
    Fuzz(fuzz::Options),
    /// Write what the examples print as what is expected of them
    Bless,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Test(options) => test::check_all(&options),
        Command::Measure(options) => measure::run(&options),
        Command::Run { example, board } => examples::run_example(&example, &board),
        Command::Replay(options) => replay::replay(&options),
        Command::Mujoco(options) => mujoco::set_up(&options),
        Command::Fuzz(options) => fuzz::fuzz(&options),
        Command::Bless => examples::bless(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
