//! From a file to lines: unpacked, in an encoding of one byte or UTF-8, and counted as
//! an editor counts.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use encoding_rs_io::DecodeReaderBytes;
use flate2::bufread::MultiGzDecoder;

/// Bytes that are looked at in advance, at least.
const HEAD: u64 = 16 << 10;
/// And at most, where lines are long.
const LONGEST: u64 = 64 << 20;
/// Lines that are looked at in advance, if there are so many.
const LINES: usize = 32;

/// The lines of a file.
pub(super) struct Text {
    bytes: Box<dyn BufRead + Send>,
    /// The byte that ends a line.
    pub end: u8,
    /// Lines read so far.
    pub line: u64,
    /// The line read last, with its end.
    pub buffer: Vec<u8>,
}

/// A file that is open.
pub(super) struct Opened {
    pub text: Text,
    /// Its first lines, the last of them whole if the file has one that is.
    pub head: Vec<u8>,
    /// How the bytes were encoded, where a mark says it.
    pub encoding: Option<&'static str>,
}

impl Opened {
    pub fn file(path: &Path) -> io::Result<Self> {
        Self::of(Box::new(BufReader::with_capacity(
            1 << 16,
            File::open(path)?,
        )))
    }

    pub fn of(mut bytes: Box<dyn BufRead + Send>) -> io::Result<Self> {
        if bytes.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            bytes = Box::new(BufReader::new(MultiGzDecoder::new(bytes)));
        }
        let mut start = Vec::new();
        bytes.by_ref().take(3).read_to_end(&mut start)?;
        let mut encoding = None;
        let marked = match start[..] {
            [0xef, 0xbb, 0xbf, ..] => {
                encoding = Some("UTF-8");
                start.clear();
                false
            }
            [0xff, 0xfe, ..] => {
                encoding = Some("UTF-16, low byte first");
                true
            }
            [0xfe, 0xff, ..] => {
                encoding = Some("UTF-16, high byte first");
                true
            }
            _ => false,
        };
        bytes = Box::new(Cursor::new(start).chain(bytes));
        if marked {
            bytes = Box::new(BufReader::new(DecodeReaderBytes::new(bytes)));
        }
        let mut head = Vec::new();
        let mut most = HEAD;
        loop {
            let wanted = most - head.len() as u64;
            let read = bytes.by_ref().take(wanted).read_to_end(&mut head)? as u64;
            let ends = head.iter().filter(|&&byte| matches!(byte, b'\n' | b'\r'));
            if read < wanted || most >= LONGEST || ends.take(4).count() == 4 {
                break;
            }
            most *= 2;
        }
        // Files of long ago end lines by a carriage return alone.
        let has = |end: u8| head.contains(&end);
        let end = if !has(b'\n') && has(b'\r') {
            b'\r'
        } else {
            b'\n'
        };
        let mut ends = (0..head.len()).filter(|&at| head[at] == end);
        let shown = ends.nth(LINES - 1).map_or(head.len(), |at| at + 1);
        Ok(Self {
            encoding,
            text: Text {
                bytes: Box::new(Cursor::new(head.clone()).chain(bytes)),
                end,
                line: 0,
                buffer: Vec::new(),
            },
            head: {
                head.truncate(shown);
                head
            },
        })
    }
}

impl Text {
    /// Reads a line; whether there was one.
    pub fn read(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        if self.bytes.read_until(self.end, &mut self.buffer)? == 0 {
            return Ok(false);
        }
        self.line += 1;
        if self.buffer.last() != Some(&self.end) {
            self.buffer.push(self.end);
        }
        Ok(true)
    }

    /// All that is left.
    pub fn rest(&mut self) -> impl Read {
        &mut self.bytes
    }
}
