//! The first UART of QEMU's machine: Arm's CMSDK APB UART.

use core::ptr::{read_volatile, write_volatile};

/// Its registers: data, state, control, interrupts, divider of the clock.
const UART0: *mut u32 = 0x4000_4000 as *mut u32;
const DATA: usize = 0;
const STATE: usize = 1;
const CONTROL: usize = 2;
const DIVIDER: usize = 4;
/// Bits of the state: a byte waits to be sent, a byte was received.
const SENDING: u32 = 1;
const RECEIVED: u32 = 2;
/// Bits of the control register: send and receive.
const ENABLED: u32 = 3;
/// 25 MHz at 115 200 baud.
const CLOCKS_PER_BIT: u32 = 217;

/// The UART. There is one.
pub struct Uart(());

impl Uart {
    /// Switches it on.
    pub fn new() -> Self {
        write(DIVIDER, CLOCKS_PER_BIT);
        write(CONTROL, ENABLED);
        Uart(())
    }

    /// Waits for a byte.
    pub fn receive(&mut self) -> u8 {
        while read(STATE) & RECEIVED == 0 {}
        read(DATA) as u8
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) {
        for byte in bytes {
            while read(STATE) & SENDING != 0 {}
            write(DATA, u32::from(*byte));
        }
    }
}

fn read(register: usize) -> u32 {
    // SAFETY: a register of the UART, which `Uart` alone uses.
    unsafe { read_volatile(UART0.add(register)) }
}

fn write(register: usize, value: u32) {
    // SAFETY: as above.
    unsafe { write_volatile(UART0.add(register), value) };
}
