//! The functions of a program.

use std::path::Path;

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSymbol, SymbolKind};

/// Begins a region.
pub const BEGIN: &str = "mamlet_measure_begin";
/// Ends a region.
pub const END: &str = "mamlet_measure_end";

/// The functions of a program, by address.
pub struct Symbols {
    /// Start and name of each.
    pub functions: Vec<(u32, String)>,
    /// Where [`BEGIN`] is.
    pub begin: u32,
    /// Where [`END`] is.
    pub end: u32,
}

impl Symbols {
    /// Reads the symbol table of an ELF.
    ///
    /// # Errors
    /// Where the file cannot be read or lacks a marker.
    pub fn read(program: &Path) -> Result<Self> {
        let name = program.display();
        let bytes = std::fs::read(program).with_context(|| format!("cannot read {name}"))?;
        let file = object::File::parse(&*bytes).with_context(|| format!("{name} is no ELF"))?;
        let mut functions = Vec::new();
        for symbol in file.symbols() {
            if symbol.kind() != SymbolKind::Text || !symbol.is_definition() {
                continue;
            }
            // Bit 0 of a function's address says Thumb.
            let address = u32::try_from(symbol.address())? & !1;
            functions.push((address, symbol.name()?.to_owned()));
        }
        functions.sort();
        let marker = |marker: &str| {
            let found = functions.iter().find(|(_, name)| name == marker);
            found.map(|(address, _)| *address)
        };
        let (Some(begin), Some(end)) = (marker(BEGIN), marker(END)) else {
            bail!(
                "{name} has no {BEGIN} and {END}: define both as C functions that do nothing, \
                 call them around what is to be measured, and do not strip the program"
            );
        };
        if begin == end {
            bail!(
                "{name}: {BEGIN} and {END} are one function, as the linker or the compiler has \
                 merged them: give them different bodies"
            );
        }
        Ok(Symbols {
            functions,
            begin,
            end,
        })
    }

    /// The number of the function an address lies in.
    pub fn function(&self, address: u32) -> usize {
        let after = self
            .functions
            .partition_point(|(start, _)| *start <= address);
        after.saturating_sub(1)
    }

    /// The name of a function, as it is in the source.
    pub fn name(&self, function: usize) -> String {
        let name = self.functions.get(function).map(|(_, name)| name.as_str());
        format!("{:#}", rustc_demangle::demangle(name.unwrap_or("?")))
    }
}
