//! Four lanes by two outputs on cores with the DSP instructions.

use super::{LANES, Patches, Scaling};

/// See the portable twin.
#[inline(always)]
pub(super) fn widened(group: u32) -> (u32, u32) {
    let (even, odd);
    // SAFETY: changes the registers that are named.
    unsafe {
        core::arch::asm!(
            "sxtb16 {even}, {group}",
            "sxtb16 {odd}, {group}, ror #8",
            group = in(reg) group,
            even = out(reg) even,
            odd = lateout(reg) odd,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    (even, odd)
}

/// What the assembly reads, and where it is.
#[repr(C)]
struct Job {
    /// A word before the patches, which the loop's last load makes up for.
    wide: *const u32,
    /// Weights of the next pair of outputs.
    weights: *const i8,
    /// Bytes of the weights of a pair.
    bytes: usize,
    /// Bytes of code to skip on entering the loop, and then where that is.
    entry: usize,
    /// Pairs to go, at least one.
    pairs: usize,
    bias: *const i32,
    multiplier: *const i32,
    shift: *const i8,
    /// Each of them twice, in 16 bits.
    zero: u32,
    low: u32,
    high: u32,
    /// The next output of every lane. Lanes that nobody wants have the place of
    /// the first, which is written last.
    y: [*mut i8; LANES],
}

/// Groups in a turn of the loop. Where the groups are no multiple of it, the
/// first turn begins in the middle.
const TURN: usize = 4;
/// Bytes of code of a group.
const COPY: usize = 128;

/// Writes all whole pairs of `outputs`, for so many lanes, and returns how many
/// outputs those are; none where it has no fast way for them.
///
/// # Safety
/// Tensors, patches and lanes are as long as `outputs`, `lanes` and `stride` say,
/// and there are 1 to [`LANES`] lanes.
pub(super) unsafe fn pairs(
    patches: &Patches<'_>,
    weights: &[i8],
    scaling: &Scaling<'_>,
    (y, stride): (&mut [i8], usize),
    (lanes, outputs): (usize, usize),
) -> usize {
    let Scaling {
        bias,
        multiplier,
        shift,
        zero,
        low,
        high,
    } = *scaling;
    let (pairs, bytes) = (outputs / 2, patches.groups * 8);
    if pairs == 0 || bytes == 0 || weights.as_ptr().addr() % 4 != 0 {
        return 0;
    }
    let twice = |x: i8| u32::from(x as i16 as u16) * 0x1_0001;
    let first = y.as_mut_ptr();
    let mut job = Job {
        wide: patches.wide.as_ptr().wrapping_sub(1),
        weights: weights.as_ptr(),
        bytes,
        entry: patches.groups.wrapping_neg() % TURN * COPY,
        pairs,
        bias: bias.as_ptr(),
        multiplier: multiplier.as_ptr(),
        shift: shift.as_ptr(),
        zero: twice(zero),
        low: twice(low),
        high: twice(high),
        y: core::array::from_fn(|lane| {
            let lane = if lane < lanes { lane } else { 0 };
            first.wrapping_add(lane * stride)
        }),
    };
    // SAFETY: tensors, patches and lanes are as long as `pairs` and `groups`
    // say, as the caller promises, neither is zero, and words are aligned.
    unsafe { run(&raw mut job) };
    2 * pairs
}

macro_rules! copy {
    () => {
        concat!(
            // Weights of both outputs and two lanes, then the other two: first
            // the even places, then the odd ones.
            "ldr r10, [r1]\n",
            "ldr r11, [r1, #4]\n",
            "ldr r12, [r0, #4]\n",
            "ldr lr, [r0, #8]\n",
            "sxtb16 r10, r10\n",
            "sxtb16 r11, r11\n",
            "smlad r2, r12, r10, r2\n",
            "smlad r3, r12, r11, r3\n",
            "smlad r4, lr, r10, r4\n",
            "smlad r5, lr, r11, r5\n",
            "ldr r12, [r0, #12]\n",
            "ldr lr, [r0, #16]\n",
            "smlad r6, r12, r10, r6\n",
            "smlad r7, r12, r11, r7\n",
            "smlad r8, lr, r10, r8\n",
            "smlad r9, lr, r11, r9\n",
            "ldr r11, [r1, #4]\n",
            "ldr r10, [r1], #8\n",
            "ldr r12, [r0, #20]\n",
            "ldr lr, [r0, #24]\n",
            "sxtb16 r10, r10, ror #8\n",
            "sxtb16 r11, r11, ror #8\n",
            "smlad r2, r12, r10, r2\n",
            "smlad r3, r12, r11, r3\n",
            "smlad r4, lr, r10, r4\n",
            "smlad r5, lr, r11, r5\n",
            "ldr r12, [r0, #28]\n",
            "ldr lr, [r0, #32]!\n",
            "smlad r6, r12, r10, r6\n",
            "smlad r7, r12, r11, r7\n",
            "smlad r8, lr, r10, r8\n",
            "smlad r9, lr, r11, r9\n",
        )
    };
}

/// The four sums of an output: times its multiplier, in the register given,
/// rounded, shifted, rounded.
macro_rules! scale {
    ($multiplier:literal, $s0:literal $s1:literal $s2:literal $s3:literal) => {
        concat!(
            "ldrb r1, [r11], #1\n",
            "mov r10, #1\n",
            "and r1, r1, #31\n",
            "lsl r10, r10, r1\n",
            "lsr r10, r10, #1\n",
            scale!(@one $s0, $multiplier),
            scale!(@one $s1, $multiplier),
            scale!(@one $s2, $multiplier),
            scale!(@one $s3, $multiplier),
        )
    };
    (@one $sum:literal, $multiplier:literal) => {
        concat!(
            "smmlar ", $sum, ", ", $sum, ", ", $multiplier, ", r10\n",
            "asr ", $sum, ", ", $sum, ", r1\n",
        )
    };
}

/// Both outputs of a lane, as two numbers of 16 bits: plus zero, within bounds.
macro_rules! pack {
    ($a:literal, $b:literal) => {
        concat!(
            "ssat ",
            $a,
            ", #16, ",
            $a,
            "\n",
            "ssat ",
            $b,
            ", #16, ",
            $b,
            "\n",
            "pkhbt ",
            $a,
            ", ",
            $a,
            ", ",
            $b,
            ", lsl #16\n",
            "qadd16 ",
            $a,
            ", ",
            $a,
            ", r10\n",
            "ssub16 lr, ",
            $a,
            ", r11\n",
            "sel ",
            $a,
            ", ",
            $a,
            ", r11\n",
            "ssub16 lr, r12, ",
            $a,
            "\n",
            "sel ",
            $a,
            ", ",
            $a,
            ", r12\n",
        )
    };
}

macro_rules! store {
    ($y:literal, $pair:literal) => {
        concat!(
            "strb ", $pair, ", [", $y, "], #1\n", "lsr ", $pair, ", ", $pair, ", #16\n", "strb ",
            $pair, ", [", $y, "], #1\n",
        )
    };
}

/// All fourteen registers are in use, so it is a function of its own.
///
/// # Safety
/// See [`pairs`].
#[unsafe(naked)]
unsafe extern "C" fn run(job: *mut Job) {
    core::arch::naked_asm!(
        // The job lies at the stack pointer; above it the end of the weights.
        "push {{r0, r1, r4-r11, lr}}",
        "ldr r1, [r0, #4]",
        "ldr r2, [r0, #12]",
        "adr r3, 2f",
        "add r2, r2, r3",
        "orr r2, r2, #1",
        "str r2, [r0, #12]",
        "3:",
        "ldr r10, [sp]",
        "ldr r11, [r10, #20]",
        "ldr r12, [r10, #8]",
        "ldr lr, [r10, #12]",
        "ldr r0, [r10]",
        "ldrd r2, r3, [r11], #8",
        "str r11, [r10, #20]",
        "add r12, r1, r12",
        "str r12, [sp, #4]",
        // Every lane starts from the bias.
        "mov r4, r2",
        "mov r5, r3",
        "mov r6, r2",
        "mov r7, r3",
        "mov r8, r2",
        "mov r9, r3",
        "bx lr",
        ".p2align 2",
        "2:",
        copy!(),
        copy!(),
        copy!(),
        copy!(),
        "ldr r12, [sp, #4]",
        "cmp r1, r12",
        "bne 2b",
        "ldr r0, [sp]",
        "ldr r10, [r0, #24]",
        "ldr r11, [r0, #28]",
        "ldrd r12, lr, [r10], #8",
        "str r10, [r0, #24]",
        scale!("r12", "r2" "r4" "r6" "r8"),
        scale!("lr", "r3" "r5" "r7" "r9"),
        "str r11, [r0, #28]",
        "ldr r10, [r0, #32]",
        "ldr r11, [r0, #36]",
        "ldr r12, [r0, #40]",
        pack!("r2", "r3"),
        pack!("r4", "r5"),
        pack!("r6", "r7"),
        pack!("r8", "r9"),
        "ldr r3, [r0, #44]",
        "ldr r5, [r0, #48]",
        "ldr r7, [r0, #52]",
        "ldr r9, [r0, #56]",
        store!("r9", "r8"),
        store!("r7", "r6"),
        store!("r5", "r4"),
        store!("r3", "r2"),
        "str r3, [r0, #44]",
        "str r5, [r0, #48]",
        "str r7, [r0, #52]",
        "str r9, [r0, #56]",
        "ldr r12, [r0, #16]",
        "ldr r1, [sp, #4]",
        "subs r12, r12, #1",
        "str r12, [r0, #16]",
        "bne 3b",
        "pop {{r0, r1, r4-r11, pc}}",
    )
}
