//! Tiles for Arm cores with single-precision floating point, in assembly.
//!
//! Compilers contract `sum + a · b` to `VMLA`, for which a Cortex-M4 takes three
//! cycles. `VMUL` and `VADD` round just the same and take two, as long as no
//! instruction waits for the one before it: two products are always under way.
//! Operands come by multiple loads, so that one instruction moves several and
//! the address with them. What that gains stands in `docs/kernels.md`.
//!
//! The registers: sums from `s0` on, row by row; products in `s30` and `s31` (of
//! `outer`: `s24` and `s25`); operands between them.

use core::arch::asm;

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

/// The four sums of a row go on by one product each: `a` times `b0` to `b3`.
macro_rules! products {
    ($a:literal, $b0:literal $b1:literal $b2:literal $b3:literal,
     $s0:literal $s1:literal $s2:literal $s3:literal,
     $p:literal $q:literal) => {
        concat!(
            "vmul.f32 ",
            $p,
            ", ",
            $a,
            ", ",
            $b0,
            "\n",
            "vmul.f32 ",
            $q,
            ", ",
            $a,
            ", ",
            $b1,
            "\n",
            "vadd.f32 ",
            $s0,
            ", ",
            $s0,
            ", ",
            $p,
            "\n",
            "vmul.f32 ",
            $p,
            ", ",
            $a,
            ", ",
            $b2,
            "\n",
            "vadd.f32 ",
            $s1,
            ", ",
            $s1,
            ", ",
            $q,
            "\n",
            "vmul.f32 ",
            $q,
            ", ",
            $a,
            ", ",
            $b3,
            "\n",
            "vadd.f32 ",
            $s2,
            ", ",
            $s2,
            ", ",
            $p,
            "\n",
            "vadd.f32 ",
            $s3,
            ", ",
            $s3,
            ", ",
            $q,
            "\n",
        )
    };
}

/// Two products each: the first column of A is in `s28`, the second in `s29`;
/// of B the first row is in the even and the second in the odd operands given.
macro_rules! pairs {
    ($s0:literal $s1:literal $s2:literal $s3:literal, rows) => {
        concat!(
            products!("s28", "s20" "s21" "s22" "s23", $s0 $s1 $s2 $s3, "s30" "s31"),
            products!("s29", "s24" "s25" "s26" "s27", $s0 $s1 $s2 $s3, "s30" "s31"),
        )
    };
    ($s0:literal $s1:literal $s2:literal $s3:literal, columns) => {
        concat!(
            products!("s28", "s20" "s22" "s24" "s26", $s0 $s1 $s2 $s3, "s30" "s31"),
            products!("s29", "s21" "s23" "s25" "s27", $s0 $s1 $s2 $s3, "s30" "s31"),
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

/// `C = S + A B` for `A: [4, k]` stored by columns and `B: [k, 4]` by rows: the
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
            "vldmia {p3}, {{s12-s15}}",
            ".p2align 2",
            "2:",
            "vldmia {a}, {{s16-s19}}",
            "add {a}, {a}, {a_row}",
            "vldmia {b}, {{s20-s23}}",
            "add {b}, {b}, {b_row}",
            products!("s16", "s20" "s21" "s22" "s23", "s0" "s1" "s2" "s3", "s24" "s25"),
            products!("s17", "s20" "s21" "s22" "s23", "s4" "s5" "s6" "s7", "s24" "s25"),
            products!("s18", "s20" "s21" "s22" "s23", "s8" "s9" "s10" "s11", "s24" "s25"),
            products!("s19", "s20" "s21" "s22" "s23", "s12" "s13" "s14" "s15", "s24" "s25"),
            "subs {k}, {k}, #1",
            "bne 2b",
            "add {p1}, {c}, {c_row}",
            "add {p2}, {p1}, {c_row}",
            "add {p3}, {p2}, {c_row}",
            "vstmia {c}, {{s0-s3}}",
            "vstmia {p1}, {{s4-s7}}",
            "vstmia {p2}, {{s8-s11}}",
            "vstmia {p3}, {{s12-s15}}",
            p1 = inout(reg) start.at => _,
            p2 = inout(reg) start.stride => _,
            p3 = out(reg) _,
            a = inout(reg) a.at => _,
            a_row = in(reg) a.stride,
            b = inout(reg) b.at => _,
            b_row = in(reg) b.stride,
            c = in(reg) c.at,
            c_row = in(reg) c.stride,
            k = inout(reg) k => _,
            out("d0") _, out("d1") _, out("d2") _, out("d3") _,
            out("d4") _, out("d5") _, out("d6") _, out("d7") _,
            out("d8") _, out("d9") _, out("d10") _, out("d11") _, out("d12") _,
            options(nostack),
        );
    }
}

/// Eight sums of a row: `$b` holds factors of B and then products.
macro_rules! eight {
    ($($sum:literal $b:literal),*) => {
        concat!(
            $("vmul.f32 ", $b, ", ", $b, ", s24\n",)*
            $("vadd.f32 ", $sum, ", ", $sum, ", ", $b, "\n",)*
        )
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

/// See [`super::portable::line`]. Eight or sixteen sums at a time, where B, C
/// and S are stored by rows.
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
    let by_rows = start.strides.1 == 1 || start.strides == (0, 0);
    if !by_rows || b.strides.1 != 1 || c.strides.1 != 1 {
        return 0;
    }
    let a = Rows::new(a.at, a.strides.1);
    let mut done = 0;
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
    done
}
