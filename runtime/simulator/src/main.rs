//! `mamlet-sim`: what an artifact does on a board, without the board.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
