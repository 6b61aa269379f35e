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
use core::array::from_fn;

use super::{Corner, HEIGHT, Order};

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
    for row in (0..m).step_by(HEIGHT) {
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

/// `c = s + a B` for a row `a: [2 pairs]` and `B: [2 pairs, 4]` stored by columns.
/// The sums are handed over in memory.
///
/// # Safety
/// All elements lie in memory and `pairs` is not zero.
#[inline(always)]
unsafe fn row_by_columns(sums: &mut [f32; 4], a: *const f32, b: Rows<*const f32>, pairs: usize) {
    // SAFETY: reads what the caller promises; all registers it changes are
    // named.
    unsafe {
        asm!(
            "vldmia {s}, {{s0-s3}}",
            "add {b1}, {b0}, {b3}",
            "add {b2}, {b1}, {b3}",
            "add {b3}, {b2}, {b3}",
            ".p2align 2",
            "2:",
            "vldmia {b0}!, {{s20-s21}}",
            "vldmia {b1}!, {{s22-s23}}",
            "vldmia {b2}!, {{s24-s25}}",
            "vldmia {b3}!, {{s26-s27}}",
            "vldmia {a}!, {{s28-s29}}",
            pairs!("s0" "s1" "s2" "s3", columns),
            "subs {pairs}, {pairs}, #1",
            "bne 2b",
            "vstmia {s}, {{s0-s3}}",
            s = in(reg) sums,
            a = inout(reg) a => _,
            b0 = inout(reg) b.at => _,
            b1 = out(reg) _,
            b2 = out(reg) _,
            b3 = inout(reg) b.stride => _,
            pairs = inout(reg) pairs => _,
            out("d0") _, out("d1") _, out("d10") _, out("d11") _,
            out("d12") _, out("d13") _, out("d14") _, out("d15") _,
            options(nostack),
        );
    }
}

/// Eight sums of a row: `$b` holds factors of B and then products.
macro_rules! eight {
    ($($sum:literal $b:literal),*) => {
        concat!($(vmul!($b, $b, "s24"),)* $(vadd!($sum, $b),)*)
    };
}

macro_rules! first_eight {
    () => {
        eight!(
            "s0" "s16", "s1" "s17", "s2" "s18", "s3" "s19",
            "s4" "s20", "s5" "s21", "s6" "s22", "s7" "s23"
        )
    };
}

macro_rules! second_eight {
    () => {
        eight!(
            "s8" "s16", "s9" "s17", "s10" "s18", "s11" "s19",
            "s12" "s20", "s13" "s21", "s14" "s22", "s15" "s23"
        )
    };
}

/// `c = s + a B` for a row `a: [k]` of any stride and `B: [k, width]` stored by
/// rows; rows of S and C lie at one piece.
macro_rules! row {
    ($name:ident, $width:literal, $sums:literal, [$($turn:expr,)*]) => {
        /// # Safety
        /// All elements lie in memory, C is nobody else's, and `k` is not zero.
        #[inline(always)]
        unsafe fn $name(start: *const f32, a: Rows<*const f32>, b: Rows<*const f32>, c: *mut f32, k: usize) {
            // SAFETY: reads and writes what the caller promises; all registers
            // it changes are named.
            unsafe {
                asm!(
                    concat!("vldmia {s}, {{s0-", $sums, "}}"),
                    ".p2align 2",
                    "2:",
                    $($turn,)*
                    "subs {k}, {k}, #1",
                    "bne 2b",
                    concat!("vstmia {c}, {{s0-", $sums, "}}"),
                    s = in(reg) start,
                    a = inout(reg) a.at => _,
                    a_step = in(reg) a.stride,
                    b = inout(reg) b.at => _,
                    // From the last eight of a row to the first of the next.
                    b_step = in(reg) b.stride.wrapping_sub(4 * ($width - 8)),
                    c = in(reg) c,
                    k = inout(reg) k => _,
                    out("d0") _, out("d1") _, out("d2") _, out("d3") _,
                    out("d4") _, out("d5") _, out("d6") _, out("d7") _,
                    out("d8") _, out("d9") _, out("d10") _, out("d11") _, out("d12") _,
                    options(nostack),
                );
            }
        }
    };
}

row!(
    row_of_eight,
    8,
    "s7",
    [
        "vldmia {b}, {{s16-s23}}",
        "add {b}, {b}, {b_step}",
        "vldr s24, [{a}]",
        "add {a}, {a}, {a_step}",
        first_eight!(),
    ]
);

row!(
    row_of_sixteen,
    16,
    "s15",
    [
        "vldmia {b}!, {{s16-s23}}",
        "vldr s24, [{a}]",
        "add {a}, {a}, {a_step}",
        first_eight!(),
        "vldmia {b}, {{s16-s23}}",
        "add {b}, {b}, {b_step}",
        second_eight!(),
    ]
);

/// See [`super::portable::line`]: eight or sixteen sums at a time where B, C
/// and S are stored by rows, four where B is stored by columns.
///
/// # Safety
/// As there.
#[inline(always)]
pub(super) unsafe fn line(
    start: Corner<*const f32>,
    a: Corner<*const f32>,
    b: Corner<*const f32>,
    c: Corner<*mut f32>,
    (k, n): (usize, usize),
) -> usize {
    let in_rows = start.strides.1 == 1 || start.strides == (0, 0);
    let mut done = 0;
    if in_rows && b.strides.1 == 1 && c.strides.1 == 1 {
        let a = Rows::new(a.at, a.strides.1);
        while n - done >= 8 {
            let (start, c) = (start.offset(0, done).at, c.offset(0, done).at);
            let b = Rows::new(b.offset(0, done).at, b.strides.0);
            // SAFETY: columns to `n`; there are sixteen zeros where S is zero.
            unsafe {
                if n - done >= 16 {
                    row_of_sixteen(start, a, b, c, k);
                    done += 16;
                } else {
                    row_of_eight(start, a, b, c, k);
                    done += 8;
                }
            }
        }
    } else if a.strides.1 == 1 && b.strides.0 == 1 && k % 2 == 0 {
        while n - done >= 4 {
            let at = |i| (start.offset(0, done + i).at, c.offset(0, done + i).at);
            let b = Rows::new(b.offset(0, done).at, b.strides.1);
            // SAFETY: columns to `n`, and all of `k`, which is not zero.
            unsafe {
                let mut sums = from_fn(|i| at(i).0.read());
                row_by_columns(&mut sums, a.at, b, k / 2);
                for (i, sum) in sums.into_iter().enumerate() {
                    at(i).1.write(sum);
                }
            }
            done += 4;
        }
    }
    done
}

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
