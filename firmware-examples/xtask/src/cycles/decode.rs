//! From bytes to what a cycle model needs of an instruction.
//!
//! Disassembly is capstone's, of all Rust bindings the one that knows Thumb-2,
//! the DSP extension and the floating-point unit and says which registers an
//! instruction reads and writes. It is built from source with the C compiler
//! that linking this program needs anyway; binutils would be a program more to
//! install, and its text would have to be parsed.

use anyhow::{Context, Result, anyhow, bail};
use capstone::arch::arm::{ArchExtraMode, ArchMode, ArmOperandType, ArmReg};
use capstone::arch::{BuildsCapstone, BuildsCapstoneExtraMode, DetailsArchInsn};
use capstone::{Capstone, Insn, RegId};

/// A set of registers: bits 0 to 15 are `r0` to `pc`, bits 32 to 63 `s0` to `s31`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers(u64);

impl Registers {
    /// The program counter.
    pub const PC: Registers = Registers(1 << 15);
    const SP: Registers = Registers(1 << 13);

    /// Whether both sets have a register.
    pub fn meets(self, other: Registers) -> bool {
        self.0 & other.0 != 0
    }

    /// How many there are.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    fn and(self, other: Registers) -> Registers {
        Registers(self.0 | other.0)
    }

    fn without(self, other: Registers) -> Registers {
        Registers(self.0 & !other.0)
    }

    /// A register by capstone's number; flags and the like are in no set.
    fn of(register: RegId) -> Registers {
        let number = u32::from(register.0);
        let nth = |first: u32, count: u32| number.checked_sub(first).filter(|&n| n < count);
        let core = |n: u32| Registers(1 << n);
        match number {
            ArmReg::ARM_REG_SP => core(13),
            ArmReg::ARM_REG_LR => core(14),
            ArmReg::ARM_REG_PC => core(15),
            _ => {
                if let Some(n) = nth(ArmReg::ARM_REG_R0, 13) {
                    core(n)
                } else if let Some(n) = nth(ArmReg::ARM_REG_S0, 32) {
                    Registers(1 << (32 + n))
                } else if let Some(n) = nth(ArmReg::ARM_REG_D0, 16) {
                    Registers(3 << (32 + 2 * n))
                } else {
                    Registers::default()
                }
            }
        }
    }
}

impl FromIterator<Registers> for Registers {
    fn from_iter<I: IntoIterator<Item = Registers>>(sets: I) -> Self {
        sets.into_iter().fold(Registers::default(), Registers::and)
    }
}

/// What an instruction does, as far as its time depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Integer arithmetic and all else that takes the least time.
    Data,
    /// `MLA`, `MLS`
    MultiplyAdd,
    /// `SDIV`, `UDIV`
    Divide,
    /// One word or less from memory.
    Load,
    /// One word or less to memory.
    Store {
        /// The address is a sum of two registers.
        indexed: bool,
    },
    /// So many words from or to memory.
    Multiple(u32),
    /// A branch to an address in the instruction.
    Branch,
    /// A branch to an address in a register.
    Jump,
    /// `TBB`, `TBH`
    TableJump,
    /// `DMB`, `DSB`, `ISB`
    Barrier,
    /// `MRS`, `MSR`, `CPS`
    System,
    /// Floating-point addition, multiplication or conversion.
    Float,
    /// Both in one instruction.
    FloatMultiplyAdd,
    /// Floating-point division or square root.
    FloatDivide,
    /// Between registers, signs and comparisons: so many words.
    FloatMove(u32),
}

/// A decoded instruction.
#[derive(Clone, Copy, Debug)]
pub struct Instruction {
    /// Where it is.
    pub address: u32,
    /// 2 or 4 bytes.
    pub size: u32,
    /// What it does.
    pub kind: Kind,
    /// What it calculates with or stores, addresses and the addend of a
    /// multiply-add excepted.
    pub operands: Registers,
    /// What its address is made of.
    pub address_from: Registers,
    /// What it changes.
    pub results: Registers,
}

impl Instruction {
    /// Where the instruction behind it is.
    pub fn end(&self) -> u32 {
        self.address.wrapping_add(self.size)
    }

    /// Whether it needs two fetches of an aligned word.
    pub fn straddles(&self) -> bool {
        self.size == 4 && !self.address.is_multiple_of(4)
    }
}

/// Decodes Thumb-2 with the DSP and the floating-point extension.
pub struct Decoder {
    capstone: Capstone,
}

impl Decoder {
    /// # Errors
    /// Where capstone does not start.
    pub fn new() -> Result<Self> {
        let capstone = Capstone::new()
            .arm()
            .mode(ArchMode::Thumb)
            .extra_mode([ArchExtraMode::MClass].into_iter())
            .detail(true)
            .build();
        let capstone = capstone.map_err(|error| anyhow!("cannot start capstone: {error}"))?;
        Ok(Decoder { capstone })
    }

    /// Decodes the one instruction at the start of `code`.
    ///
    /// # Errors
    /// Where there is none, or none whose time is known.
    pub fn decode(&self, code: &[u8], address: u32) -> Result<Instruction> {
        let read = self.capstone.disasm_count(code, u64::from(address), 1);
        let read = read.map_err(|error| anyhow!("cannot decode {address:#x}: {error}"))?;
        let read = read.first();
        let read = read.with_context(|| format!("no instruction at {address:#x}: {code:02x?}"))?;
        self.describe(read, address)
    }

    fn describe(&self, read: &Insn<'_>, address: u32) -> Result<Instruction> {
        let name = self.capstone.insn_name(read.id()).unwrap_or_default();
        let detail = self.capstone.insn_detail(read);
        let detail = detail.map_err(|error| anyhow!("cannot decode {address:#x}: {error}"))?;
        let set = |registers: &[RegId]| registers.iter().map(|&r| Registers::of(r)).collect();
        let (reads, results): (Registers, Registers) =
            (set(detail.regs_read()), set(detail.regs_write()));
        let arm = detail.arch_detail();
        let arm = arm.arm().context("capstone decodes for Arm")?;
        let mut listed = Vec::new();
        let mut memory = None;
        for operand in arm.operands() {
            match operand.op_type {
                ArmOperandType::Reg(register) => listed.push(Registers::of(register)),
                ArmOperandType::Mem(address) => {
                    let parts = [address.base(), address.index()].map(Registers::of);
                    memory = Some(parts);
                }
                _ => {}
            }
        }
        let first = listed.first().copied().unwrap_or_default();
        let all: Registers = listed.iter().copied().collect();
        let indexed = memory.is_some_and(|[_, index]| index != Registers::default());
        let kind = match name.as_str() {
            "ldr" | "ldrb" | "ldrh" | "ldrsb" | "ldrsh" | "ldrt" | "ldrbt" | "ldrht" | "ldrsbt"
            | "ldrsht" | "ldrex" | "ldrexb" | "ldrexh" | "pld" | "pli" => Kind::Load,
            "str" | "strb" | "strh" | "strt" | "strbt" | "strht" | "strex" | "strexb"
            | "strexh" => Kind::Store { indexed },
            "ldrd" | "strd" => Kind::Multiple(2),
            "vldr" if first.count() == 1 => Kind::Load,
            "vstr" if first.count() == 1 => Kind::Store { indexed },
            "vldr" | "vstr" => Kind::Multiple(2),
            "push" | "pop" | "vpush" | "vpop" => Kind::Multiple(all.count()),
            // The first register is the address.
            "ldm" | "ldmdb" | "stm" | "stmdb" | "vldmia" | "vldmdb" | "vstmia" | "vstmdb" => {
                let words = listed.iter().skip(1).map(|words| words.count()).sum();
                Kind::Multiple(words)
            }
            "b" | "bl" | "cbz" | "cbnz" => Kind::Branch,
            "bx" | "blx" => Kind::Jump,
            "tbb" | "tbh" => Kind::TableJump,
            "mla" | "mls" => Kind::MultiplyAdd,
            "sdiv" | "udiv" => Kind::Divide,
            "dmb" | "dsb" | "isb" => Kind::Barrier,
            "mrs" | "msr" | "cps" => Kind::System,
            "vadd" | "vsub" | "vmul" | "vnmul" | "vcvt" | "vcvtr" | "vcvtb" | "vcvtt" => {
                Kind::Float
            }
            "vmla" | "vmls" | "vnmla" | "vnmls" | "vfma" | "vfms" | "vfnma" | "vfnms" => {
                Kind::FloatMultiplyAdd
            }
            "vdiv" | "vsqrt" => Kind::FloatDivide,
            // Two core registers and two of the floating-point unit.
            "vmov" => Kind::FloatMove(if listed.len() > 2 { 2 } else { 1 }),
            "vabs" | "vneg" | "vcmp" | "vcmpe" | "vmrs" | "vmsr" => Kind::FloatMove(1),
            _ if name.starts_with('v') || memory.is_some() => bail!(
                "no cycles are known for {name} at {address:#x}: add it to the table of the core"
            ),
            // `mov pc, lr` and the like.
            _ if results.meets(Registers::PC) => Kind::Jump,
            _ => Kind::Data,
        };
        let address_from = match (memory, name.as_str()) {
            (Some([base, index]), _) => base.and(index),
            (None, "push" | "pop" | "vpush" | "vpop") => Registers::SP,
            (None, _) if matches!(kind, Kind::Multiple(_)) => first,
            (None, _) => Registers::default(),
        };
        let operands = match kind {
            Kind::FloatMultiplyAdd => listed.iter().skip(1).copied().collect(),
            _ => reads.without(address_from),
        };
        Ok(Instruction {
            address,
            size: u32::try_from(read.len())?,
            kind,
            operands,
            address_from,
            results,
        })
    }
}
