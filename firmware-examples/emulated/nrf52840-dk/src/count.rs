//! Counts instructions and stack.
//!
//! QEMU has no cycle model, but with `-icount shift=0` every instruction takes
//! one virtual nanosecond. SysTick runs at 25 MHz, so one tick is 40
//! instructions, the same on every run.

use core::arch::asm;
use core::ptr::{addr_of, read_volatile, write_volatile};

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{Peripherals, SYST};
use cortex_m::register::msp;

/// Instructions of one tick of SysTick.
const INSTRUCTIONS_PER_TICK: u32 = 40;
/// SysTick counts down from here.
const RELOAD: u32 = 0x00FF_FFFF;
/// What unused stack holds.
const PAINT: u32 = 0xA5A5_5A5A;
/// The stretch right below the stack pointer is left alone while painting.
const OWN_FRAME: u32 = 256;

/// What is executed from here to [`mamlet_measure_end`] is a region of which
/// `cargo xtask measure` predicts the cycles.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn mamlet_measure_begin() {
    // SAFETY: a comment. It keeps the compiler from moving reads and writes of
    // memory past the call, and from merging the two markers.
    unsafe { asm!("// the region begins", options(nostack, preserves_flags)) };
}

/// Ends what [`mamlet_measure_begin`] has begun.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn mamlet_measure_end() {
    // SAFETY: as above.
    unsafe { asm!("// the region ends", options(nostack, preserves_flags)) };
}

unsafe extern "C" {
    /// Where static variables end and the stack may grow down to.
    static __euninit: u32;
}

/// The counters. There is one set.
pub struct Counters {
    systick: SYST,
}

impl Counters {
    /// Starts SysTick; `None` where somebody else has the peripherals.
    pub fn take() -> Option<Self> {
        let mut systick = Peripherals::take()?.SYST;
        systick.set_clock_source(SystClkSource::Core);
        systick.set_reload(RELOAD);
        systick.clear_current();
        systick.enable_counter();
        Some(Counters { systick })
    }

    /// Does the work between the markers and counts its instructions, to the
    /// nearest 40 and up to 671 million.
    pub fn instructions(&mut self, work: impl FnOnce()) -> u32 {
        self.systick.clear_current();
        let before = SYST::get_current();
        mamlet_measure_begin();
        work();
        mamlet_measure_end();
        let after = SYST::get_current();
        (before.wrapping_sub(after) & RELOAD) * INSTRUCTIONS_PER_TICK
    }

    /// Does the work on a painted stack and finds how deep it went: bytes below
    /// the caller's frame.
    #[inline(never)]
    pub fn stack<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, u32) {
        let bottom = addr_of!(__euninit) as u32;
        let top = msp::read();
        let painted = top - OWN_FRAME;
        for address in (bottom..painted).step_by(4) {
            // SAFETY: from the end of the static variables to below the stack
            // pointer and what this function still pushes, RAM holds nothing.
            unsafe { write_volatile(address as *mut u32, PAINT) };
        }
        let result = work(self);
        // SAFETY: the same stretch; reading RAM has no effect.
        let untouched = |address: &u32| unsafe { read_volatile(*address as *const u32) } == PAINT;
        let free = (bottom..painted).step_by(4).take_while(untouched).count() as u32 * 4;
        (result, top - (bottom + free))
    }
}
