//! How a program starts on each architecture: stack, static variables, `main`.

#[cfg(target_arch = "arm")]
pub use cortex_m_rt::entry;
#[cfg(target_arch = "riscv32")]
pub use riscv_rt::entry;

/// Makes a program of a function that is given a static variable and returns an
/// [`Outcome`](crate::Outcome): `program!(run, [f32; 2560] = [0.0; 2560])`.
///
/// The variable is static so that the linker knows whether it fits the RAM.
#[macro_export]
macro_rules! program {
    ($run:path, $memory:ty = $initial:expr) => {
        static mut MEMORY: $memory = $initial;

        #[$crate::entry]
        fn main() -> ! {
            // SAFETY: main runs once and nothing else knows the variable.
            let memory: &'static mut $memory = unsafe { &mut *(&raw mut MEMORY) };
            match $crate::Outcome::is_success($run(memory)) {
                true => $crate::succeed(),
                false => $crate::fail(),
            }
        }
    };
}

/// What a program comes to.
pub trait Outcome {
    /// Whether it succeeded. Prints what went wrong, where that is known.
    fn is_success(self) -> bool;
}

impl Outcome for bool {
    fn is_success(self) -> bool {
        self
    }
}

impl Outcome for Result<(), &'static str> {
    fn is_success(self) -> bool {
        if let Err(error) = self {
            crate::println!("failed: {}", error);
        }
        self.is_ok()
    }
}

/// The vectors of the first 32 interrupts, of which the examples use none. A
/// table for all that an architecture allows would take up to 2 KB of flash.
#[cfg(target_arch = "arm")]
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
pub static __INTERRUPTS: [unsafe extern "C" fn(); 32] = [unexpected; 32];

#[cfg(target_arch = "arm")]
unsafe extern "C" fn unexpected() {
    crate::fail()
}
