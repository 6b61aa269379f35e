//! Single rows of sums, in assembly.

use core::arch::asm;
use core::array::from_fn;

use super::super::Corner;
use super::Rows;

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

/// See [`super::super::portable::line`]: eight or sixteen sums at a time where B, C
/// and S are stored by rows, four where B is stored by columns.
///
/// # Safety
/// As there.
#[inline(always)]
pub(in super::super) unsafe fn line(
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
