//! Finds what can panic in a program that does not link for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SymbolKind};
use rustc_demangle::demangle;

/// What the panic handler calls and nobody defines: see `app/src/panic.rs`.
pub const SYMBOL: &str = "this_program_can_panic";

/// Arguments for the linker under which a program with panics links, and says
/// what calls what.
pub const LINK_ARGUMENTS: [&str; 2] = ["--unresolved-symbols=ignore-all", "--emit-relocs"];

/// The functions of `core` that panic, each with the functions that call it, in
/// a program that was linked with [`LINK_ARGUMENTS`]. None where the program
/// defines [`SYMBOL`] and thereby says that it may.
pub fn callers(program: &Path) -> Result<BTreeSet<String>> {
    let bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let file = object::File::parse(&*bytes)?;
    let may =
        |symbol: &object::Symbol<'_, '_>| symbol.name() == Ok(SYMBOL) && symbol.is_definition();
    if file.symbols().any(|symbol| may(&symbol)) {
        return Ok(BTreeSet::new());
    }
    let functions: Vec<_> = file
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text)
        .collect();
    let name = |symbol: &object::Symbol<'_, '_>| {
        let name = symbol.name().unwrap_or_default();
        format!("{:#}", demangle(name))
    };
    let mut callers = BTreeSet::new();
    for section in file.sections() {
        for (address, relocation) in section.relocations() {
            let RelocationTarget::Symbol(target) = relocation.target() else {
                continue;
            };
            let target = name(&file.symbol_by_index(target)?);
            let holds = |function: &&object::Symbol<'_, '_>| {
                // The lowest bit of an address says that the code is Thumb.
                let begin = function.address() & !1;
                (begin..begin + function.size()).contains(&address)
            };
            if let Some(caller) = functions.iter().find(holds)
                && panics(&target)
                && !panics(&name(caller))
            {
                callers.insert(format!("{} calls {target}", name(caller)));
            }
        }
    }
    Ok(callers)
}

/// Whether a function does nothing but panic.
fn panics(function: &str) -> bool {
    const ALWAYS: [&str; 6] = [
        "core::panicking::",
        "core::option::unwrap_failed",
        "core::option::expect_failed",
        "core::result::unwrap_failed",
        "core::cell::panic_",
        "core::slice::index::slice_",
    ];
    ALWAYS.iter().any(|start| function.starts_with(start)) || function.contains("begin_unwind")
}
