//! Tiles for Arm cores with single-precision floating point, in assembly.
//!
//! Compilers contract `sum + a · b` to `VMLA`, for which a Cortex-M4 takes three
//! cycles. `VMUL` and `VADD` round just the same and take two, as long as no
//! instruction waits for the one before it: two products are always under way.
//! Operands come by multiple loads, so that one instruction moves several and
//! the address with them. What that gains stands in `docs/kernels.md`.
//!
//! The registers: sums from `s0` on, row by row; products in `s30` and `s31`;
//! operands between them.

use core::arch::asm;

use super::{Corner, Order, TALL};

/// Products a turn of the loop takes where A is stored by rows.
pub(super) const STEP: usize = 2;

/// A matrix: its first element, and the bytes from one row in memory to the next.
#[derive(Clone, Copy)]
#[repr(C)]
struct Rows<Pointer> {
    at: Pointer,
    stride: usize,
}

impl<Pointer> Rows<Pointer> {
    fn new(at: Pointer, stride: usize) -> Self {
        Rows {
            at,
            stride: stride.wrapping_mul(4),
        }
    }
}

/// What the assembly of a tile loads into registers: five rows of sums by four
/// columns.
#[repr(C)]
struct Tile {
    /// S, in `r0` and `r1`
    start: Rows<*const f32>,
    /// A, in `r2` and `r3`
    a: Rows<*const f32>,
    /// B, in `r4` and `r5`
    b: Rows<*const f32>,
    /// C, in `r8` and `r9`
    c: Rows<*mut f32>,
    /// Turns of the loop, not zero, in `r10`
    turns: usize,
}

/// See [`super::portable::tiles`].
///
/// # Safety
/// As there; besides, `k` is a multiple of [`STEP`] where A is stored by rows.
#[inline(never)]
pub(super) unsafe fn tiles(
    order: Order,
    start: Corner<*const f32>,
    a: Corner<*const f32>,
    b: Corner<*const f32>,
    c: Corner<*mut f32>,
    (m, k, n): (usize, usize, usize),
) {
    let (turns, a_row, b_row) = match order {
        Order::ByRows => (k / STEP, a.strides.0, b.strides.0),
        Order::ByColumns => (k / STEP, a.strides.0, b.strides.1),
        Order::Outer => (k, a.strides.1, b.strides.0),
    };
    let (start_step, b_step) = (4 * start.strides.1, 4 * b.strides.1);
    let mut tile = Tile {
        start: Rows::new(start.at, start.strides.0),
        a: Rows::new(a.at, a_row),
        b: Rows::new(b.at, b_row),
        c: Rows::new(c.at, c.strides.0),
        turns,
    };
    for row in (0..m).step_by(TALL) {
        let mut start_at = start.offset(row, 0).at;
        let mut b_at = b.at;
        let mut c_at = c.offset(row, 0).at;
        tile.a.at = a.offset(row, 0).at;
        for _ in 0..n / 4 {
            (tile.start.at, tile.b.at, tile.c.at) = (start_at, b_at, c_at);
            // SAFETY: rows to `m`, columns to `n` and products to `k`.
            unsafe {
                match order {
                    Order::ByRows => rows_by_rows(&tile),
                    Order::ByColumns => rows_by_columns(&tile),
                    Order::Outer => outer(&tile),
                }
            }
            start_at = start_at.wrapping_add(start_step);
            b_at = b_at.wrapping_add(b_step);
            c_at = c_at.wrapping_add(4);
        }
    }
}

macro_rules! vmul {
    ($product:literal, $a:literal, $b:literal) => {
        concat!("vmul.f32 ", $product, ", ", $a, ", ", $b, "\n")
    };
}

macro_rules! vadd {
    ($sum:literal, $product:literal) => {
        concat!("vadd.f32 ", $sum, ", ", $sum, ", ", $product, "\n")
    };
}

/// The four sums of a row go on by one product each: `a` times `b0` to `b3`.
macro_rules! products {
    ($a:literal, $b0:literal $b1:literal $b2:literal $b3:literal,
     $s0:literal $s1:literal $s2:literal $s3:literal) => {
        concat!(
            vmul!("s30", $a, $b0),
            vmul!("s31", $a, $b1),
            vadd!($s0, "s30"),
            vmul!("s30", $a, $b2),
            vadd!($s1, "s31"),
            vmul!("s31", $a, $b3),
            vadd!($s2, "s30"),
            vadd!($s3, "s31"),
        )
    };
}

/// Two products each: the first column of A is in `s28`, the second in `s29`;
/// of B the first row is in the even and the second in the odd operands given.
macro_rules! pairs {
    ($s0:literal $s1:literal $s2:literal $s3:literal, rows) => {
        concat!(
            products!("s28", "s20" "s21" "s22" "s23", $s0 $s1 $s2 $s3),
            products!("s29", "s24" "s25" "s26" "s27", $s0 $s1 $s2 $s3),
        )
    };
    ($s0:literal $s1:literal $s2:literal $s3:literal, columns) => {
        concat!(
            products!("s28", "s20" "s22" "s24" "s26", $s0 $s1 $s2 $s3),
            products!("s29", "s21" "s23" "s25" "s27", $s0 $s1 $s2 $s3),
        )
    };
}

// Behind the macros it uses.
mod line;
pub(super) use line::line;

/// Four words, one by one: side by side they take less time than together.
macro_rules! four {
    ($move:literal, $at:literal, $s0:literal $s1:literal $s2:literal $s3:literal) => {
        concat!(
            concat!($move, " ", $s0, ", [", $at, "]\n"),
            concat!($move, " ", $s1, ", [", $at, ", #4]\n"),
            concat!($move, " ", $s2, ", [", $at, ", #8]\n"),
            concat!($move, " ", $s3, ", [", $at, ", #12]\n"),
        )
    };
}

/// A tile: loads the sums, turns, stores the sums. The second row of A is at
/// `r0` if it is stored by rows.
macro_rules! tile {
    ($(#[$doc:meta])* $name:ident, [$($before:expr,)*], [$($turn:expr,)*], [$($after:expr,)*]) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// All elements lie in memory, and C is nobody else's.
        #[inline(always)]
        unsafe fn $name(tile: &Tile) {
            // SAFETY: reads and writes what the caller promises, and puts the
            // stack back; all registers it changes are named.
            unsafe {
                asm!(
                    "ldm r12, {{r0-r5, r8-r10}}",
                    "add r12, r0, r1, lsl #1",
                    four!("vldr", "r0", "s0" "s1" "s2" "s3"),
                    "add r0, r0, r1",
                    "add lr, r12, r1",
                    four!("vldr", "r12", "s8" "s9" "s10" "s11"),
                    four!("vldr", "r0", "s4" "s5" "s6" "s7"),
                    four!("vldr", "lr", "s12" "s13" "s14" "s15"),
                    "add lr, lr, r1",
                    "add r0, r2, r3",
                    four!("vldr", "lr", "s16" "s17" "s18" "s19"),
                    $($before,)*
                    ".p2align 2",
                    "2:",
                    $($turn,)*
                    "subs r10, r10, #1",
                    "bne 2b",
                    $($after,)*
                    "add r0, r8, r9",
                    "add r1, r0, r9",
                    "add r12, r1, r9",
                    "add lr, r12, r9",
                    four!("vstr", "r8", "s0" "s1" "s2" "s3"),
                    four!("vstr", "r0", "s4" "s5" "s6" "s7"),
                    four!("vstr", "r1", "s8" "s9" "s10" "s11"),
                    four!("vstr", "r12", "s12" "s13" "s14" "s15"),
                    four!("vstr", "lr", "s16" "s17" "s18" "s19"),
                    inout("r12") tile => _,
                    out("r0") _, out("r1") _, out("r2") _, out("r3") _, out("r4") _,
                    out("r5") _, out("r8") _, out("r9") _, out("r10") _, out("lr") _,
                    out("d0") _, out("d1") _, out("d2") _, out("d3") _,
                    out("d4") _, out("d5") _, out("d6") _, out("d7") _,
                    out("d8") _, out("d9") _, out("d10") _, out("d11") _,
                    out("d12") _, out("d13") _, out("d14") _, out("d15") _,
                );
            }
        }
    };
}

/// Two products for each sum of a tile; the rows of A from the second on are at
/// `r0`, `r1`, `r12` and `lr`.
macro_rules! five_rows {
    ($order:ident) => {
        concat!(
            pairs!("s0" "s1" "s2" "s3", $order),
            "vldmia r0!, {{s28-s29}}\n",
            pairs!("s4" "s5" "s6" "s7", $order),
            "vldmia r1!, {{s28-s29}}\n",
            pairs!("s8" "s9" "s10" "s11", $order),
            "vldmia r12!, {{s28-s29}}\n",
            pairs!("s12" "s13" "s14" "s15", $order),
            "vldmia lr!, {{s28-s29}}\n",
            pairs!("s16" "s17" "s18" "s19", $order),
        )
    };
}

tile!(
    /// `C = S + A B` for `A: [5, k]` and `B: [k, 4]`, both stored by rows.
    rows_by_rows,
    [
        "add r1, r0, r3",
        "add r12, r1, r3",
        "add lr, r12, r3",
    ],
    [
        "vldmia r4, {{s20-s23}}",
        "add r4, r4, r5",
        "vldmia r2!, {{s28-s29}}",
        "vldmia r4, {{s24-s27}}",
        "add r4, r4, r5",
        five_rows!(rows),
    ],
    []
);

tile!(
    /// `C = S + A B` for `A: [5, k]` stored by rows and `B: [k, 4]` by columns,
    /// of which the second to the fourth are at `r3`, `r8` and `r5`.
    rows_by_columns,
    [
        "add r1, r0, r3",
        "add r12, r1, r3",
        "add lr, r12, r3",
        "str r8, [sp, #-4]!",
        "add r3, r4, r5",
        "add r8, r3, r5",
        "add r5, r8, r5",
    ],
    [
        "vldmia r4!, {{s20-s21}}",
        "vldmia r3!, {{s22-s23}}",
        "vldmia r8!, {{s24-s25}}",
        "vldmia r5!, {{s26-s27}}",
        "vldmia r2!, {{s28-s29}}",
        five_rows!(columns),
    ],
    ["ldr r8, [sp], #4",]
);

tile!(
    /// `C = S + A B` for `A: [5, k]` stored by columns and `B: [k, 4]` by rows:
    /// the sum of `k` outer products.
    outer,
    [],
    [
        "vldmia r2, {{s20-s24}}",
        "add r2, r2, r3",
        "vldmia r4, {{s25-s28}}",
        "add r4, r4, r5",
        products!("s20", "s25" "s26" "s27" "s28", "s0" "s1" "s2" "s3"),
        products!("s21", "s25" "s26" "s27" "s28", "s4" "s5" "s6" "s7"),
        products!("s22", "s25" "s26" "s27" "s28", "s8" "s9" "s10" "s11"),
        products!("s23", "s25" "s26" "s27" "s28", "s12" "s13" "s14" "s15"),
        products!("s24", "s25" "s26" "s27" "s28", "s16" "s17" "s18" "s19"),
    ],
    []
);

/// See [`super::portable::clear_if_negative`]: one instruction, of which compilers
/// make a comparison and a conditional move.
#[inline(always)]
pub(crate) fn clear_if_negative(mut x: u32, sign: i32) -> u32 {
    // SAFETY: changes the one register that is named.
    unsafe {
        asm!(
            "bic {x}, {x}, {sign}, asr #31",
            x = inout(reg) x,
            sign = in(reg) sign,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    x
}
