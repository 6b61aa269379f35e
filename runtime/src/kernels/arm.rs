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

use super::{Corner, Order};

/// Products a turn of the loop takes where A is stored by rows.
pub(super) const STEP: usize = 2;

/// A matrix: its first element, and the bytes from one row in memory to the next.
#[derive(Clone, Copy)]
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

/// See [`super::portable::tile`].
///
/// # Safety
/// As there; besides, `k` is a multiple of [`STEP`] where A is stored by rows.
#[inline(always)]
pub(super) unsafe fn tile(
    order: Order,
    start: Corner<*const f32>,
    a: Corner<*const f32>,
    b: Corner<*const f32>,
    c: Corner<*mut f32>,
    k: usize,
) {
    let start = Rows::new(start.at, start.strides.0);
    let c = Rows::new(c.at, c.strides.0);
    let by_rows = |matrix: Corner<*const f32>| Rows::new(matrix.at, matrix.strides.0);
    let by_columns = |matrix: Corner<*const f32>| Rows::new(matrix.at, matrix.strides.1);
    // SAFETY: passed on.
    unsafe {
        match order {
            Order::ByRows => rows_by_rows(start, by_rows(a), by_rows(b), c, k / 2),
            Order::ByColumns => rows_by_columns(start, by_rows(a), by_columns(b), c, k / 2),
            Order::Outer => outer(start, by_columns(a), by_rows(b), c, k),
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

/// Five rows of A by four columns of B, two products a turn.
macro_rules! five_by_four {
    ($name:ident, $doc:literal, $order:ident, [$($before:literal,)*], [$($load:literal,)*], [$($after:literal,)*]) => {
        #[doc = $doc]
        ///
        /// # Safety
        /// All elements lie in memory, C is nobody else's, and `pairs`, half of
        /// `k`, is not zero.
        #[inline(always)]
        unsafe fn $name(
            start: Rows<*const f32>,
            a: Rows<*const f32>,
            b: Rows<*const f32>,
            c: Rows<*mut f32>,
            pairs: usize,
        ) {
            // SAFETY: reads and writes what the caller promises, and puts the
            // stack back; all registers it changes are named.
            unsafe {
                asm!(
                    // The sums; meanwhile pointers to the rows of A. Those to
                    // the second and third take the place of what is used up.
                    "vldmia {p1}, {{s0-s3}}",
                    "add {p1}, {p1}, {p2}",
                    "add {p4}, {a}, {a_row}, lsl #2",
                    "vldmia {p1}, {{s4-s7}}",
                    "add {p1}, {p1}, {p2}",
                    "sub {p3}, {p4}, {a_row}",
                    "vldmia {p1}, {{s8-s11}}",
                    "add {p1}, {p1}, {p2}",
                    "vldmia {p1}, {{s12-s15}}",
                    "add {p1}, {p1}, {p2}",
                    "vldmia {p1}, {{s16-s19}}",
                    "add {p1}, {a}, {a_row}",
                    "sub {p2}, {p3}, {a_row}",
                    $($before,)*
                    ".p2align 2",
                    "2:",
                    $($load,)*
                    pairs!("s0" "s1" "s2" "s3", $order),
                    "vldmia {p1}!, {{s28-s29}}",
                    pairs!("s4" "s5" "s6" "s7", $order),
                    "vldmia {p2}!, {{s28-s29}}",
                    pairs!("s8" "s9" "s10" "s11", $order),
                    "vldmia {p3}!, {{s28-s29}}",
                    pairs!("s12" "s13" "s14" "s15", $order),
                    "vldmia {p4}!, {{s28-s29}}",
                    pairs!("s16" "s17" "s18" "s19", $order),
                    "subs {pairs}, {pairs}, #1",
                    "bne 2b",
                    $($after,)*
                    "add {p1}, {c}, {c_row}",
                    "add {p2}, {p1}, {c_row}",
                    "add {p3}, {p2}, {c_row}",
                    "add {p4}, {p3}, {c_row}",
                    "vstmia {c}, {{s0-s3}}",
                    "vstmia {p1}, {{s4-s7}}",
                    "vstmia {p2}, {{s8-s11}}",
                    "vstmia {p3}, {{s12-s15}}",
                    "vstmia {p4}, {{s16-s19}}",
                    p1 = inout(reg) start.at => _,
                    p2 = inout(reg) start.stride => _,
                    p3 = out(reg) _,
                    p4 = out(reg) _,
                    a = inout(reg) a.at => _,
                    a_row = inout(reg) a.stride => _,
                    b = inout(reg) b.at => _,
                    b_row = inout(reg) b.stride => _,
                    c = inout(reg) c.at => _,
                    c_row = in(reg) c.stride,
                    pairs = inout(reg) pairs => _,
                    out("d0") _, out("d1") _, out("d2") _, out("d3") _,
                    out("d4") _, out("d5") _, out("d6") _, out("d7") _,
                    out("d8") _, out("d9") _, out("d10") _, out("d11") _,
                    out("d12") _, out("d13") _, out("d14") _, out("d15") _,
                );
            }
        }
    };
}

five_by_four!(
    rows_by_rows,
    "`C = S + A B` for `A: [5, k]` and `B: [k, 4]`, both stored by rows.",
    rows,
    [],
    [
        "vldmia {b}, {{s20-s23}}",
        "add {b}, {b}, {b_row}",
        "vldmia {a}!, {{s28-s29}}",
        "vldmia {b}, {{s24-s27}}",
        "add {b}, {b}, {b_row}",
    ],
    []
);

five_by_four!(
    rows_by_columns,
    "`C = S + A B` for `A: [5, k]` stored by rows and `B: [k, 4]` by columns.",
    columns,
    // Pointers to the other columns: in `a_row`, `c` and `b_row`.
    [
        "str {c}, [sp, #-4]!",
        "add {a_row}, {b}, {b_row}",
        "add {c}, {a_row}, {b_row}",
        "add {b_row}, {c}, {b_row}",
    ],
    [
        "vldmia {b}!, {{s20-s21}}",
        "vldmia {a_row}!, {{s22-s23}}",
        "vldmia {c}!, {{s24-s25}}",
        "vldmia {b_row}!, {{s26-s27}}",
        "vldmia {a}!, {{s28-s29}}",
    ],
    ["ldr {c}, [sp], #4",]
);

/// `C = S + A B` for `A: [5, k]` stored by columns and `B: [k, 4]` by rows: the
/// sum of `k` outer products.
///
/// # Safety
/// All elements lie in memory, C is nobody else's, and `k` is not zero.
#[inline(always)]
unsafe fn outer(
    start: Rows<*const f32>,
    a: Rows<*const f32>,
    b: Rows<*const f32>,
    c: Rows<*mut f32>,
    k: usize,
) {
    // SAFETY: reads and writes what the caller promises; all registers it
    // changes are named.
    unsafe {
        asm!(
            "add {p3}, {p1}, {p2}, lsl #1",
            "vldmia {p1}, {{s0-s3}}",
            "add {p1}, {p1}, {p2}",
            "vldmia {p3}, {{s8-s11}}",
            "add {p3}, {p3}, {p2}",
            "vldmia {p1}, {{s4-s7}}",
            "add {p4}, {p3}, {p2}",
            "vldmia {p3}, {{s12-s15}}",
            "vldmia {p4}, {{s16-s19}}",
            ".p2align 2",
            "2:",
            "vldmia {a}, {{s20-s24}}",
            "add {a}, {a}, {a_row}",
            "vldmia {b}, {{s25-s28}}",
            "add {b}, {b}, {b_row}",
            products!("s20", "s25" "s26" "s27" "s28", "s0" "s1" "s2" "s3"),
            products!("s21", "s25" "s26" "s27" "s28", "s4" "s5" "s6" "s7"),
            products!("s22", "s25" "s26" "s27" "s28", "s8" "s9" "s10" "s11"),
            products!("s23", "s25" "s26" "s27" "s28", "s12" "s13" "s14" "s15"),
            products!("s24", "s25" "s26" "s27" "s28", "s16" "s17" "s18" "s19"),
            "subs {k}, {k}, #1",
            "bne 2b",
            "add {p1}, {c}, {c_row}",
            "add {p2}, {p1}, {c_row}",
            "add {p3}, {p2}, {c_row}",
            "add {p4}, {p3}, {c_row}",
            "vstmia {c}, {{s0-s3}}",
            "vstmia {p1}, {{s4-s7}}",
            "vstmia {p2}, {{s8-s11}}",
            "vstmia {p3}, {{s12-s15}}",
            "vstmia {p4}, {{s16-s19}}",
            p1 = inout(reg) start.at => _,
            p2 = inout(reg) start.stride => _,
            p3 = out(reg) _,
            p4 = out(reg) _,
            a = inout(reg) a.at => _,
            a_row = in(reg) a.stride,
            b = inout(reg) b.at => _,
            b_row = in(reg) b.stride,
            c = in(reg) c.at,
            c_row = in(reg) c.stride,
            k = inout(reg) k => _,
            out("d0") _, out("d1") _, out("d2") _, out("d3") _,
            out("d4") _, out("d5") _, out("d6") _, out("d7") _,
            out("d8") _, out("d9") _, out("d10") _, out("d11") _,
            out("d12") _, out("d13") _, out("d14") _, out("d15") _,
            options(nostack),
        );
    }
}

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
