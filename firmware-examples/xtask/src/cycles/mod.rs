//! Predicts cycles: every instruction that QEMU executes, times the table of
//! the core's technical reference manual.
//!
//! A region is what is executed from the return of `mamlet_measure_begin` to the
//! call of `mamlet_measure_end`, the call included. Both are empty functions of
//! the program, in any language; pairs may repeat, and lie within each other.
//! What the prediction knows and what it does not is told in [`cortex_m4`].

mod cortex_m4;
mod decode;
mod symbols;
mod trace;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result, bail};

use crate::reference;
use cortex_m4::Pipeline;
use decode::{Decoder, Instruction};
use symbols::{BEGIN, END, Symbols};
use trace::Code;
pub use trace::Emulated;

/// QEMU's machine and core of the board whose cycles are known.
pub const REFERENCE: Emulated<'static> = Emulated {
    machine: reference::EMULATED.1,
    cpu: "cortex-m4",
};

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Instructions executed.
    pub instructions: u64,
    /// Cycles they take.
    pub cycles: u64,
}

/// What was executed between two markers.
#[derive(Clone, Debug)]
pub struct Region {
    /// All of it.
    pub total: Count,
    /// By function, those with most cycles first; what a function calls is not
    /// part of it.
    pub functions: Vec<(String, Count)>,
}

/// Runs a program and returns its regions, in the order in which they begin,
/// and what it printed.
///
/// # Errors
/// Where the program has no markers, does not end well, or executes what the
/// table does not know; and for a core without a table.
pub fn measure(program: &Path, emulated: Emulated<'_>) -> Result<(Vec<Region>, String)> {
    if emulated.cpu != REFERENCE.cpu {
        bail!(
            "there is no table of cycles for {}: there is one for {}",
            emulated.cpu,
            REFERENCE.cpu
        );
    }
    let mut counter = Counter::new(Symbols::read(program)?)?;
    let printed = trace::run(program, emulated, |block| counter.execute(block))?;
    let regions = counter.finish();
    Ok((
        regions.with_context(|| format!("{}", program.display()))?,
        printed,
    ))
}

/// A block, decoded.
struct Block {
    address: u32,
    instructions: Vec<Instruction>,
    function: usize,
}

/// Counts what is executed.
struct Counter {
    symbols: Symbols,
    decoder: Decoder,
    /// By where the trace keeps its code, which it does not let go of.
    blocks: HashMap<*const Code, (Rc<Code>, Rc<Block>)>,
    /// The block before, whose time depends on where it leads.
    before: Option<Rc<Block>>,
    pipeline: Pipeline,
    /// Since the first region began, by function.
    counts: Vec<Count>,
    /// Regions that have not ended: their number, and the counts at their start.
    open: Vec<(usize, Vec<Count>)>,
    regions: Vec<Option<Region>>,
}

impl Counter {
    fn new(symbols: Symbols) -> Result<Self> {
        Ok(Counter {
            decoder: Decoder::new()?,
            blocks: HashMap::new(),
            before: None,
            pipeline: Pipeline::default(),
            counts: vec![Count::default(); symbols.functions.len()],
            open: Vec::new(),
            regions: Vec::new(),
            symbols,
        })
    }

    /// A block is executed.
    fn execute(&mut self, code: &Rc<Code>) -> Result<()> {
        let address = code.first().map(|(address, _)| *address);
        let address = address.context("an empty block")?;
        let (begins, ends) = (address == self.symbols.begin, address == self.symbols.end);
        if !begins && !ends && self.open.is_empty() && self.before.is_none() {
            return Ok(());
        }
        let block = self.block(code, address)?;
        if let Some(before) = self.before.take() {
            if !self.open.is_empty() {
                self.count(&before, block.instructions.first());
            }
            // A region begins behind its marker.
            if before.address == self.symbols.begin {
                self.pipeline = Pipeline::default();
                self.open.push((self.regions.len(), self.counts.clone()));
                self.regions.push(None);
            }
        }
        if ends {
            self.end()?;
        }
        self.before = (begins || !self.open.is_empty()).then_some(block);
        Ok(())
    }

    /// Counts a block and, with what is executed `next`, its last instruction.
    fn count(&mut self, block: &Block, next: Option<&Instruction>) {
        // `function` numbers one of the symbols, of which `counts` has as many.
        let instructions = &block.instructions;
        let nexts = instructions.iter().skip(1).chain(next);
        let count = &mut self.counts[block.function];
        for (this, next) in instructions.iter().zip(nexts) {
            count.instructions += 1;
            count.cycles += self.pipeline.cycles(this, next);
        }
    }

    /// The region that began last ends.
    fn end(&mut self) -> Result<()> {
        let Some((number, start)) = self.open.pop() else {
            bail!("{END} is called without {BEGIN} before it");
        };
        let mut total = Count::default();
        let mut functions = Vec::new();
        for (function, (now, start)) in self.counts.iter().zip(start).enumerate() {
            let count = Count {
                instructions: now.instructions - start.instructions,
                cycles: now.cycles - start.cycles,
            };
            total.instructions += count.instructions;
            total.cycles += count.cycles;
            if count.instructions > 0 {
                functions.push((self.symbols.name(function), count));
            }
        }
        functions.sort_by_key(|(_, count)| core::cmp::Reverse(count.cycles));
        self.regions[number] = Some(Region { total, functions });
        Ok(())
    }

    fn finish(self) -> Result<Vec<Region>> {
        if self.regions.is_empty() {
            bail!("the program ended without a call of {BEGIN}");
        }
        let regions: Option<Vec<_>> = self.regions.into_iter().collect();
        regions.with_context(|| format!("the program ended without a call of {END}"))
    }

    /// The block, decoded when it is first met.
    fn block(&mut self, code: &Rc<Code>, address: u32) -> Result<Rc<Block>> {
        let key = Rc::as_ptr(code);
        if let Some((_, block)) = self.blocks.get(&key) {
            return Ok(block.clone());
        }
        let decoded = code
            .iter()
            .map(|(address, bytes)| self.decoder.decode(bytes, *address));
        let instructions: Vec<_> = decoded.collect::<Result<_>>()?;
        let block = Rc::new(Block {
            address,
            function: self.symbols.function(address),
            instructions,
        });
        self.blocks.insert(key, (code.clone(), block.clone()));
        Ok(block)
    }
}
