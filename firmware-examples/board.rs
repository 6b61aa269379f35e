//! The build script of all firmware: hands the linker the memory of the board, the
//! sections of its start-up code and, where the board is a real one, those of its log.
//!
//! The package has the name of its board in `mamlet_boards::BOARDS`. A board whose
//! program has sections of its own lists them in `sections.x`.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let name = env::var("CARGO_PKG_NAME")?;
    let folder = env::var("CARGO_MANIFEST_DIR")?;
    let folder = Path::new(&folder);
    let board = mamlet_boards::named(&name)
        .ok_or_else(|| format!("there is no board {name}: describe it in runtime/boards"))?;
    let emulated = folder.parent().is_some_and(|all| all.ends_with("emulated"));
    let memory = match emulated {
        true => board.emulated_memory(),
        false => Some(board.memory()),
    };
    let memory = memory.ok_or_else(|| format!("{name} has no emulator"))?;
    let sections = folder.join("sections.x");
    let sections = match sections.exists() {
        true => fs::read_to_string(&sections)?,
        false => String::new(),
    };
    let out = env::var("OUT_DIR")?;
    fs::write(
        Path::new(&out).join("memory.x"),
        format!("{memory}{sections}"),
    )?;
    println!("cargo:rerun-if-changed={}", folder.display());
    println!("cargo:rustc-link-search={out}");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-arg-bins=--nmagic");
    if !emulated {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    }
    Ok(())
}
