/// A processor core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Core {
    /// Cortex-M0, floating point in software.
    CortexM0,
    /// Cortex-M0+, floating point in software.
    CortexM0Plus,
    /// Cortex-M3, floating point in software.
    CortexM3,
    /// Cortex-M4 with single-precision floating point.
    CortexM4f,
    /// Cortex-M33 with single-precision floating point.
    CortexM33,
    /// Cortex-M55 with single-precision floating point.
    CortexM55,
    /// RV32IMAC, floating point in software.
    Rv32imac,
}

impl Core {
    /// The name in its manufacturer's words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CortexM0 => "Cortex-M0",
            Self::CortexM0Plus => "Cortex-M0+",
            Self::CortexM3 => "Cortex-M3",
            Self::CortexM4f => "Cortex-M4F",
            Self::CortexM33 => "Cortex-M33",
            Self::CortexM55 => "Cortex-M55",
            Self::Rv32imac => "RV32IMAC",
        }
    }

    /// Whether it adds and multiplies `f32` in hardware.
    pub const fn has_fpu(self) -> bool {
        match self {
            Self::CortexM0 | Self::CortexM0Plus | Self::CortexM3 | Self::Rv32imac => false,
            Self::CortexM4f | Self::CortexM33 | Self::CortexM55 => true,
        }
    }

    /// The target that the Rust compiler builds for.
    pub const fn target(self) -> &'static str {
        match self {
            Self::CortexM0 | Self::CortexM0Plus => "thumbv6m-none-eabi",
            Self::CortexM3 => "thumbv7m-none-eabi",
            Self::CortexM4f => "thumbv7em-none-eabihf",
            Self::CortexM33 | Self::CortexM55 => "thumbv8m.main-none-eabihf",
            Self::Rv32imac => "riscv32imac-unknown-none-elf",
        }
    }

    /// The program of QEMU that emulates it.
    pub const fn qemu(self) -> &'static str {
        match self {
            Self::Rv32imac => "qemu-system-riscv32",
            _ => "qemu-system-arm",
        }
    }
}
