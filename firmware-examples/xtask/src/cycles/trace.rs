//! What QEMU executes, as its log tells.
//!
//! `-d in_asm` shows the instructions of each translation block once, when it
//! is translated, and `-d exec,nochain` one line for every block that is
//! entered. Both go through a pipe: nothing is written to disk.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::thread;

use anyhow::{Context, Result, anyhow, bail, ensure};

/// What QEMU emulates.
#[derive(Clone, Copy, Debug)]
pub struct Emulated<'a> {
    /// Its name of the machine.
    pub machine: &'a str,
    /// Its name of the core.
    pub cpu: &'a str,
}

/// Instructions that are executed one after the other: address and bytes.
pub type Code = [(u32, Vec<u8>)];

/// Runs a program, hands every block it executes to `execute`, and returns what
/// it printed. One instruction takes one virtual nanosecond, so every run is
/// the same.
///
/// # Errors
/// Where QEMU cannot be started or does not end well within five minutes, and
/// those of `execute`.
pub fn run(
    program: &Path,
    emulated: Emulated<'_>,
    mut execute: impl FnMut(&Rc<Code>) -> Result<()>,
) -> Result<String> {
    let mut qemu = Command::new("timeout")
        .args(["300", "qemu-system-arm", "-nographic"])
        .args(["-machine", emulated.machine, "-cpu", emulated.cpu])
        .args(["-icount", "shift=0", "-d", "in_asm,exec,nochain"])
        .args(["-semihosting-config", "enable=on,target=native"])
        .arg("-kernel")
        .arg(program)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start qemu-system-arm")?;
    let mut log = Log::default();
    let read = read(&mut qemu, |line| log.line(line, &mut execute));
    if read.is_err() {
        // Nobody reads the log any more. It is no error if QEMU has ended.
        qemu.kill().ok();
    }
    let status = qemu.wait().context("lost qemu-system-arm")?;
    let printed = read?;
    let said = log.messages.join("\n");
    ensure!(
        status.success(),
        "{} ended with {status} in QEMU: {said}\n{printed}",
        program.display()
    );
    log.end(&mut execute)?;
    Ok(printed)
}

/// Hands over the log line by line and returns what the program printed.
fn read(qemu: &mut Child, mut line: impl FnMut(&[u8]) -> Result<()>) -> Result<String> {
    let (Some(mut printed), Some(log)) = (qemu.stdout.take(), qemu.stderr.take()) else {
        bail!("qemu-system-arm has no output");
    };
    // Of its own, so that neither pipe fills up while the other is read.
    let printed = thread::spawn(move || {
        let mut text = String::new();
        printed.read_to_string(&mut text).map(|_| text)
    });
    let mut log = BufReader::with_capacity(1 << 20, log);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if log.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        line(bytes.trim_ascii_end())?;
    }
    let printed = printed.join().map_err(|_| anyhow!("a reader panicked"))?;
    Ok(printed?)
}

/// The state of reading a log.
#[derive(Default)]
pub(super) struct Log {
    /// The block shown last, until it is executed and its place known.
    shown: Vec<(u32, Vec<u8>)>,
    /// By the place of their translation.
    blocks: HashMap<u64, Rc<Code>>,
    /// The block entered last. The next line may say that it was not, or not
    /// all of it, executed.
    entered: Option<Rc<Code>>,
    /// What is not part of the log.
    messages: Vec<String>,
}

impl Log {
    pub(super) fn line(
        &mut self,
        line: &[u8],
        execute: &mut impl FnMut(&Rc<Code>) -> Result<()>,
    ) -> Result<()> {
        if line.starts_with(b"Trace ") {
            self.end(execute)?;
            self.enter(text(line)?)
        } else if line.starts_with(b"0x") {
            self.shown.push(instruction(text(line)?)?);
            Ok(())
        } else if line.starts_with(b"IN:") {
            self.shown.clear();
            Ok(())
        } else if line.starts_with(b"Stopped execution of TB chain before ") {
            self.entered = None;
            Ok(())
        } else if line.starts_with(b"cpu_io_recompile: rewound execution of TB to ") {
            self.rewind(text(line)?)
        } else {
            if !line.is_empty() && line != b"----------------" && self.messages.len() < 20 {
                let message = String::from_utf8_lossy(line).into_owned();
                self.messages.push(message);
            }
            Ok(())
        }
    }

    /// The block entered last is over.
    pub(super) fn end(&mut self, execute: &mut impl FnMut(&Rc<Code>) -> Result<()>) -> Result<()> {
        match self.entered.take() {
            Some(block) => execute(&block),
            None => Ok(()),
        }
    }

    /// `Trace 0: 0x7fc268000100 [00800408/000000c0/00000110/ff020200] Reset`
    fn enter(&mut self, line: &str) -> Result<()> {
        let parse = || {
            let mut words = line.split_ascii_whitespace().skip(2);
            let place = words.next()?.strip_prefix("0x")?;
            let state = words.next()?.strip_prefix('[')?;
            let address = state.split('/').nth(1)?;
            let place = u64::from_str_radix(place, 16).ok()?;
            Some((place, u32::from_str_radix(address, 16).ok()?))
        };
        let (place, address) = parse().with_context(|| format!("cannot read {line:?}"))?;
        if self.shown.first().is_some_and(|first| first.0 == address) {
            let block = core::mem::take(&mut self.shown);
            self.blocks.insert(place, block.into());
        }
        let block = self.blocks.get(&place).cloned();
        self.entered = Some(block.with_context(|| {
            format!("QEMU did not show the instructions at {address:#x}: was it built without a disassembler?")
        })?);
        Ok(())
    }

    /// The block was left before the instruction of that address, which reads
    /// or writes a peripheral and is executed in a block of its own.
    fn rewind(&mut self, line: &str) -> Result<()> {
        let address = line.rsplit(' ').next();
        let address = address.and_then(|address| u32::from_str_radix(address, 16).ok());
        let address = address.with_context(|| format!("cannot read {line:?}"))?;
        if let Some(block) = &mut self.entered {
            let done = block.iter().take_while(|(at, _)| *at != address);
            let done: Vec<_> = done.cloned().collect();
            self.entered = (!done.is_empty()).then(|| done.into());
        }
        Ok(())
    }
}

/// `0x00002ff0:  b580       push     {r7, lr}`
fn instruction(line: &str) -> Result<(u32, Vec<u8>)> {
    let parse = || {
        let (address, rest) = line.strip_prefix("0x")?.split_once(':')?;
        let mut code = Vec::new();
        for half in rest.split_ascii_whitespace().take(2) {
            let half = (half.len() == 4).then(|| u16::from_str_radix(half, 16).ok());
            let Some(half) = half.flatten() else { break };
            code.extend(half.to_le_bytes());
        }
        let address = u32::from_str_radix(address, 16).ok()?;
        (!code.is_empty()).then_some((address, code))
    };
    parse().with_context(|| format!("cannot read {line:?}"))
}

fn text(line: &[u8]) -> Result<&str> {
    std::str::from_utf8(line).with_context(|| format!("cannot read {line:?}"))
}
