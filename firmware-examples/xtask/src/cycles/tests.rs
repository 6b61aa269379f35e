//! The examples and rules of the manual, on encodings as GNU as writes them, and
//! what is made of a log.

use super::cortex_m4::Pipeline;
use super::decode::{Decoder, Instruction};
use super::symbols::{BEGIN, END, Symbols};
use super::trace::Log;
use super::{Count, Counter};

/// `NOP`
const NOP: [u16; 1] = [0xbf00];

fn decode(code: &[u16], mut address: u32) -> Vec<Instruction> {
    let bytes: Vec<u8> = code.iter().flat_map(|half| half.to_le_bytes()).collect();
    let decoder = Decoder::new().unwrap();
    let mut rest = &bytes[..];
    let mut instructions = Vec::new();
    while !rest.is_empty() {
        let instruction = decoder.decode(rest, address).unwrap();
        rest = &rest[instruction.size as usize..];
        address = instruction.end();
        instructions.push(instruction);
    }
    instructions
}

/// The cycles of code at an address that is a multiple of four, after which
/// comes `then`.
fn cycles_and(code: &[u16], then: Instruction) -> u64 {
    let code = decode(code, 0x100);
    let mut pipeline = Pipeline::default();
    let nexts = code.iter().skip(1).chain([&then]);
    code.iter()
        .zip(nexts)
        .map(|(this, next)| pipeline.cycles(this, next))
        .sum()
}

/// The cycles of code behind which nothing is jumped over.
fn cycles(code: &[u16]) -> u64 {
    let end = 0x100 + 2 * u32::try_from(code.len()).unwrap();
    cycles_and(code, decode(&NOP, end)[0])
}

#[test]
fn loads_overlap_as_in_the_examples_of_the_manual() {
    assert_eq!(cycles(&[0x6808]), 2, "ldr r0,[r1]");
    assert_eq!(cycles(&[0x6808, 0x6811]), 3, "ldr r0,[r1]; ldr r1,[r2]");
    assert_eq!(cycles(&[0x5888, 0x6158]), 3, "ldr; str r0,[r3,#20]");
    assert_eq!(cycles(&[0x5888, 0x5098]), 3, "ldr; str r0,[r3,r2]");
    assert_eq!(cycles(&[0x5888, 0x6811, 0x685a]), 4, "three loads");
}

#[test]
fn a_load_waits_for_its_address() {
    assert_eq!(cycles(&[0x6808, 0x6801]), 4, "ldr r0,[r1]; ldr r1,[r0]");
    assert_eq!(cycles(&[0x3801, 0x6801]), 4, "subs r0,#1; ldr r1,[r0]");
    assert_eq!(cycles(&[0x3801, 0x6811]), 3, "subs r0,#1; ldr r1,[r2]");
    assert_eq!(cycles(&[0x3801, 0xbf00, 0x6801]), 4, "a nop between");
}

#[test]
fn a_store_starts_nothing_early() {
    assert_eq!(cycles(&[0x6158]), 1, "str r0,[r3,#20]");
    assert_eq!(cycles(&[0x5098]), 2, "str r0,[r3,r2]");
    assert_eq!(cycles(&[0x6158, 0x6811]), 3, "str; ldr r1,[r2]");
}

#[test]
fn loads_of_floats_overlap_as_well() {
    let two = [0xed90, 0x0a00, 0xedd1, 0x0a00];
    assert_eq!(cycles(&two), 3, "vldr s0,[r0]; vldr s1,[r1]");
    assert_eq!(cycles(&[0xed91, 0x1b00]), 3, "vldr d1,[r1]");
    assert_eq!(cycles(&[0xed80, 0x0a00]), 1, "vstr s0,[r0]");
}

#[test]
fn many_words_take_one_cycle_each() {
    assert_eq!(cycles(&[0xecb0, 0x0a04]), 5, "vldmia r0!,{{s0-s3}}");
    assert_eq!(cycles(&[0xb5f0]), 6, "push {{r4-r7,lr}}");
    assert_eq!(cycles(&[0xe9d2, 0x0100]), 3, "ldrd r0,r1,[r2]");
    assert_eq!(cycles(&[0xc006]), 3, "stmia r0!,{{r1,r2}}");
    // Neither overlaps with a load before it.
    assert_eq!(cycles(&[0x6811, 0xc006]), 5, "ldr r1,[r2]; stmia");
}

#[test]
fn results_of_floating_point_come_a_cycle_late() {
    let multiply = [0xee20, 0x0a81];
    let add = [0xee71, 0x1a80];
    assert_eq!(cycles(&multiply), 1, "vmul s0,s1,s2");
    assert_eq!(cycles(&[multiply, add].concat()), 3, "vadd s3,s3,s0");
    assert_eq!(cycles(&[multiply, multiply].concat()), 2, "s0 twice");
    let store = [0xed80, 0x0a00];
    assert_eq!(cycles(&[multiply, store].concat()), 3, "vstr s0,[r0]");
    let load = [0xedd1, 0x0a00];
    assert_eq!(cycles(&[multiply, load, add].concat()), 4, "a load between");
}

#[test]
fn a_multiply_add_reads_its_addend_late() {
    let multiply = [0xee20, 0x0a81];
    let into_s0 = [0xee00, 0x0a81];
    let of_s0 = [0xee40, 0x1a01];
    assert_eq!(cycles(&into_s0), 3, "vmla s0,s1,s2");
    assert_eq!(cycles(&[multiply, into_s0].concat()), 4, "addend s0");
    assert_eq!(cycles(&[multiply, of_s0].concat()), 5, "factor s0");
    assert_eq!(cycles(&[into_s0, into_s0].concat()), 6, "a chain");
}

#[test]
fn arithmetic() {
    assert_eq!(cycles(&[0xfbb1, 0xf0f2]), 12, "udiv r0,r1,r2");
    assert_eq!(cycles(&[0xfb01, 0x3002]), 2, "mla r0,r1,r2,r3");
    assert_eq!(cycles(&[0xfb21, 0x3002]), 1, "smlad r0,r1,r2,r3");
    assert_eq!(cycles(&[0xee80, 0x0a81]), 14, "vdiv s0,s1,s2");
    assert_eq!(cycles(&[0xeeb1, 0x0ae0]), 14, "vsqrt s0,s1");
    assert_eq!(cycles(&[0xeeb8, 0x0ac0]), 1, "vcvt.f32.s32 s0,s0");
    assert_eq!(cycles(&[0xee10, 0x0a10]), 1, "vmov r0,s0");
    assert_eq!(cycles(&[0xec51, 0x0b10]), 2, "vmov r0,r1,d0");
    assert_eq!(cycles(&[0xbf08, 0x4608]), 2, "it eq; moveq r0,r1");
}

#[test]
fn branches_refill_the_pipeline() {
    let bne = [0xd1fe];
    let wide = [0xf8d1, 0x9000];
    assert_eq!(cycles(&bne), 1, "not taken");
    assert_eq!(cycles_and(&bne, decode(&NOP, 0x80)[0]), 2, "taken");
    assert_eq!(cycles_and(&bne, decode(&wide, 0x80)[0]), 2, "aligned");
    assert_eq!(cycles_and(&bne, decode(&wide, 0x82)[0]), 3, "across words");
    let nop = decode(&NOP, 0x80)[0];
    assert_eq!(cycles_and(&[0x4770], nop), 3, "bx lr");
    assert_eq!(cycles_and(&[0xbd10], nop), 6, "pop {{r4,pc}}");
    assert_eq!(cycles_and(&[0xf8d1, 0xf000], nop), 5, "ldr pc,[r1]");
    assert_eq!(cycles_and(&[0xe8df, 0xf000], nop), 6, "tbb [pc,r0]");
    assert_eq!(cycles_and(&NOP, nop), 13, "an interrupt");
}

#[test]
fn what_has_no_cycles_is_named() {
    // VRINTZ.F32, which later cores have.
    let bytes = [0xb6, 0xfe, 0xc0, 0x0a];
    let error = Decoder::new().unwrap().decode(&bytes, 0x100).unwrap_err();
    assert!(error.to_string().contains("0x100"), "{error}");
}

/// A program: `mamlet_measure_begin` and `mamlet_measure_end`, each `bx lr`, and
/// two functions.
fn counter() -> Counter {
    let functions = [(0x10, BEGIN), (0x20, END), (0x30, "outer"), (0x40, "inner")];
    let functions = functions.map(|(address, name)| (address, name.into()));
    Counter::new(Symbols {
        functions: functions.into(),
        begin: 0x10,
        end: 0x20,
    })
    .unwrap()
}

/// What QEMU logs where blocks of one or two instructions are executed.
fn counted(log: &str) -> anyhow::Result<Vec<super::Region>> {
    let mut counter = counter();
    let mut state = Log::default();
    let mut execute = |block: &_| counter.execute(block);
    for line in log.lines() {
        state.line(line.trim().as_bytes(), &mut execute)?;
    }
    state.end(&mut execute)?;
    counter.finish()
}

const SHOWN: &str = "IN: mamlet_measure_begin
    0x00000010:  4770       bx       lr
    Trace 0: 0x7f0000000010 [00800408/00000010/00000110/ff020200] mamlet_measure_begin
    ----------------
    IN: outer
    0x00000030:  bf00       nop
    0x00000032:  e005       b        #0x40

    Trace 0: 0x7f0000000030 [00800408/00000030/00000110/ff020200] outer
    IN: inner
    0x00000040:  f8d1 9000  ldr.w    sb, [r1]
    0x00000044:  4770       bx       lr
    ";
const INNER: &str = "Trace 0: 0x7f0000000040 [00800408/00000040/00000110/ff020200] inner
    ";
const BEGINS: &str = "Trace 0: 0x7f0000000010 [00800408/00000010/00000110/ff020200] begin
    ";
const ENDS: &str = "IN: mamlet_measure_end
    0x00000020:  4770       bx       lr
    Trace 0: 0x7f0000000020 [00800408/00000020/00000110/ff020200] mamlet_measure_end
    ";

#[test]
fn a_region_is_what_lies_between_the_markers() {
    let regions = counted(&[SHOWN, INNER, ENDS].concat()).unwrap();
    assert_eq!(regions.len(), 1);
    let outer = Count {
        instructions: 2,
        // nop, b to an aligned target
        cycles: 1 + 2,
    };
    let inner = Count {
        instructions: 2,
        // ldr, bx
        cycles: 2 + 3,
    };
    let functions = [("inner".into(), inner), ("outer".into(), outer)];
    assert_eq!(regions[0].functions, functions);
    assert_eq!(regions[0].total.cycles, 8);
}

#[test]
fn regions_repeat_and_lie_within_each_other() {
    // begin, outer, inner, begin, inner, end, end, begin, inner, end
    let log = [SHOWN, INNER, BEGINS, INNER, ENDS, ENDS, BEGINS, INNER, ENDS];
    let regions = counted(&log.concat()).unwrap();
    let instructions: Vec<_> = regions
        .iter()
        .map(|region| region.total.instructions)
        .collect();
    // The outermost has all four blocks and both inner markers.
    assert_eq!(instructions, [2 + 2 + 1 + 2 + 1, 2, 2]);
}

#[test]
fn blocks_that_were_left_count_as_far_as_they_were_executed() {
    let stopped = "Stopped execution of TB chain before 0x7f0000000040 [00000040] inner
    ";
    let rewound = "cpu_io_recompile: rewound execution of TB to 00000044
    IN: inner
    0x00000044:  4770       bx       lr
    Trace 0: 0x7f0000000080 [00800408/00000044/00000110/ff020200] inner
    ";
    let whole = counted(&[SHOWN, INNER, ENDS].concat()).unwrap();
    for left in [
        &[SHOWN, INNER, stopped, INNER, ENDS],
        &[SHOWN, INNER, rewound, ENDS, ""],
    ] {
        let regions = counted(&left.concat()).unwrap();
        assert_eq!(regions[0].total, whole[0].total, "{left:?}");
    }
}

#[test]
fn markers_that_do_not_pair_are_an_error() {
    for (log, says) in [
        (ENDS, "without mamlet_measure_begin before it"),
        (BEGINS, "QEMU did not show the instructions at 0x10"),
        (
            &[SHOWN, INNER].concat(),
            "without a call of mamlet_measure_end",
        ),
        ("", "without a call of mamlet_measure_begin"),
    ] {
        let error = counted(log).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
