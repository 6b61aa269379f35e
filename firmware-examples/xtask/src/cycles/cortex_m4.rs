//! The cycles of a Cortex-M4F.
//!
//! From the Cortex-M4 Technical Reference Manual (ARM DDI 0439; ARM 100166 for
//! revision r0p1): the table of instruction timings in "Instruction set
//! summary", the rules of "Load/store timings", and the table and rules of "FPU
//! instruction set". They hold for memory without wait states. Where the manual
//! gives a range or says nothing:
//!
//! | what | manual | here |
//! |---|---|---|
//! | pipeline refill P after a branch | 1 to 3 | 1; 2 where the target's first instruction lies across two words, or the address comes from a register; 3 where it comes from memory |
//! | `SDIV`, `UDIV` | 2 to 12 | 12 |
//! | `MLA`, `MLS` | 1 or 2, by issue | 2 |
//! | `IT` | 1, or folded into the instruction before it | 1 |
//! | an instruction whose condition fails | | as if it were executed |
//! | `VLDR` and `VSTR` of one word next to other loads | | as `LDR` and `STR`, which is how GCC's model of the core (`cortex-m4-fpu.md`) schedules them |
//! | `VDIV`, `VSQRT` before integer instructions | these go on meanwhile | 14, always waited for |
//! | `MRS`, `CPS` | 1 or 2 | 2 |
//! | barriers | 1 + B | 1, `ISB` too |
//! | exception entry | 12 | 12; return as a branch |
//!
//! Not modelled: wait states and caches of flash, contention on the bus (a
//! literal load with the fetch of instructions, DMA), fetch stalls of unaligned
//! 32-bit instructions, unaligned data, a full write buffer.

use super::decode::{Instruction, Kind, Registers};

/// Cycles of a division of integers: the most.
const DIVIDE: u64 = 12;
/// Cycles of a floating-point division or square root.
const FLOAT_DIVIDE: u64 = 14;
/// Cycles of a floating-point multiply-add, fused or not.
const FLOAT_MULTIPLY_ADD: u64 = 3;
/// Cycles from an interrupt to its handler.
const EXCEPTION: u64 = 12;

/// What an instruction leaves to the next one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pipeline {
    /// Results of integer arithmetic, which come too late for an address.
    calculated: Registers,
    /// Results of floating-point arithmetic, which come a cycle late.
    late: Registers,
    /// Where the instruction was a single load, what it changed.
    loaded: Option<Registers>,
}

impl Pipeline {
    /// The cycles of an instruction, given what was executed before it and
    /// `next`, which is executed after it.
    pub fn cycles(&mut self, this: &Instruction, next: &Instruction) -> u64 {
        let before = core::mem::take(self);
        let cycles = match this.kind {
            Kind::Data | Kind::Barrier | Kind::Float => 1,
            Kind::MultiplyAdd | Kind::System => 2,
            Kind::Divide => DIVIDE,
            // The address of a load goes out while the word of the load before
            // it comes in, unless that word is part of the address.
            Kind::Load if before.overlaps(this) => 1,
            Kind::Load => 2,
            Kind::Store { indexed: true } if !before.overlaps(this) => 2,
            Kind::Store { .. } => 1,
            Kind::Multiple(words) => 1 + u64::from(words),
            Kind::Branch | Kind::Jump => 1,
            // Two for the load, one for the addition.
            Kind::TableJump => 3,
            Kind::FloatMultiplyAdd => FLOAT_MULTIPLY_ADD,
            Kind::FloatDivide => FLOAT_DIVIDE,
            Kind::FloatMove(words) => u64::from(words),
        };
        // An addend is read a cycle after the factors: it never waits.
        let waits = before.late.meets(this.operands) || before.calculated.meets(this.address_from);
        match this.kind {
            Kind::Data | Kind::MultiplyAdd | Kind::Divide => self.calculated = this.results,
            Kind::Float | Kind::FloatMultiplyAdd | Kind::FloatDivide => self.late = this.results,
            Kind::Load => self.loaded = Some(this.results),
            _ => {}
        }
        cycles + u64::from(waits) + refill(this, next)
    }

    /// Whether the load before this access lets it start early.
    fn overlaps(&self, access: &Instruction) -> bool {
        self.loaded
            .is_some_and(|loaded| !loaded.meets(access.address_from))
    }
}

/// Cycles until the first instruction after a branch comes out of the pipeline.
fn refill(this: &Instruction, next: &Instruction) -> u64 {
    if next.address == this.end() {
        return 0;
    }
    match this.kind {
        Kind::Branch => 1 + u64::from(next.straddles()),
        Kind::Jump => 2,
        Kind::TableJump => 3,
        _ if this.results.meets(Registers::PC) => 3,
        _ => EXCEPTION,
    }
}
