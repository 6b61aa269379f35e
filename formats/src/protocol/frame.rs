//! Frames: postcard, a checksum behind it, byte stuffing around both.

use core::fmt;

use cobs::{DecodeResult, DecoderState, EncoderState, PushResult};
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use super::FRAME;
use crate::crc32::{self, Crc32};

/// Bytes of the checksum.
const CHECKSUM: usize = 4;

/// Why bytes are no frame, or a message fits none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// There are more than [`FRAME`] bytes.
    TooLong,
    /// The frame ends before the run of bytes does that it announced, or it is
    /// too short for a checksum: bytes were lost.
    Torn,
    /// The bytes have changed on the way.
    Checksum,
    /// The message is none that this version knows, or is not whole.
    Unknown,
}

/// Writes the frame of a message, its last byte 0x00, and returns it.
///
/// # Errors
/// [`FrameError::TooLong`] where the message fits no frame.
pub fn encode<'f, Message: Serialize>(
    sequence: u16,
    message: &Message,
    frame: &'f mut [u8; FRAME],
) -> Result<&'f [u8], FrameError> {
    let stuffed = Stuffed {
        frame,
        // The first byte is written when the first run ends.
        length: 1,
        encoder: EncoderState::default(),
        digest: Crc32::new(),
    };
    postcard::serialize_with_flavor(&(sequence, message), stuffed).map_err(|_| FrameError::TooLong)
}

/// The sequence number of a message that a [`Receiver`] has returned, whatever
/// follows it.
pub fn sequence(message: &[u8]) -> Option<u16> {
    postcard::take_from_bytes(message).ok().map(|(it, _)| it)
}

/// Sequence number and message of what a [`Receiver`] has returned.
///
/// # Errors
/// [`FrameError::Unknown`], also where bytes follow the message.
pub fn decode<'m, Message: Deserialize<'m>>(
    message: &'m [u8],
) -> Result<(u16, Message), FrameError> {
    match postcard::take_from_bytes(message) {
        Ok((both, [])) => Ok(both),
        _ => Err(FrameError::Unknown),
    }
}

/// Serialised bytes on their way into a frame.
struct Stuffed<'f> {
    frame: &'f mut [u8; FRAME],
    length: usize,
    encoder: EncoderState,
    digest: Crc32,
}

impl Stuffed<'_> {
    /// Puts a byte at the end. One place is left for the 0x00.
    fn append(&mut self, byte: u8) -> postcard::Result<()> {
        let (_, places) = self.frame.split_last_mut().unwrap_or((&mut 0, &mut []));
        *places
            .get_mut(self.length)
            .ok_or(postcard::Error::SerializeBufferFull)? = byte;
        self.length += 1;
        Ok(())
    }

    /// Ends a run: says how long it is at its beginning.
    fn mark(&mut self, (at, run): (usize, u8)) {
        if let Some(place) = self.frame.get_mut(at) {
            *place = run;
        }
    }

    fn stuff(&mut self, byte: u8) -> postcard::Result<()> {
        match self.encoder.push(byte) {
            PushResult::AddSingle(byte) => self.append(byte),
            PushResult::ModifyFromStartAndSkip(run) => {
                self.mark(run);
                self.append(0)
            }
            PushResult::ModifyFromStartAndPushAndSkip((at, run, byte)) => {
                self.mark((at, run));
                self.append(byte)?;
                self.append(0)
            }
        }
    }
}

impl<'f> Flavor for Stuffed<'f> {
    type Output = &'f [u8];

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.digest.update(&[byte]);
        self.stuff(byte)
    }

    fn finalize(mut self) -> postcard::Result<&'f [u8]> {
        for byte in self.digest.clone().finish().to_le_bytes() {
            self.stuff(byte)?;
        }
        let last = self.encoder.clone().finalize();
        self.mark(last);
        let end = self.length;
        *self
            .frame
            .get_mut(end)
            .ok_or(postcard::Error::SerializeBufferFull)? = 0;
        let frame: &'f [u8] = self.frame;
        frame
            .get(..=end)
            .ok_or(postcard::Error::SerializeBufferFull)
    }
}

/// Finds messages in a stream of bytes, however they were cut, and whatever
/// stands between them.
#[derive(Debug)]
pub struct Receiver {
    state: DecoderState,
    buffer: [u8; FRAME],
    length: usize,
    too_long: bool,
}

impl Receiver {
    /// Has received nothing yet.
    pub const fn new() -> Self {
        Receiver {
            state: DecoderState::Idle,
            buffer: [0; FRAME],
            length: 0,
            too_long: false,
        }
    }

    /// Takes the next byte. Where it ends a frame, returns the message in it,
    /// for [`decode`], or why there is none.
    pub fn push(&mut self, byte: u8) -> Option<Result<&[u8], FrameError>> {
        let idle = matches!(self.state, DecoderState::Idle);
        let fed = self.state.feed(byte);
        if byte != 0 {
            if let Ok(DecodeResult::DataContinue(byte)) = fed {
                match self.buffer.get_mut(self.length) {
                    Some(place) => {
                        *place = byte;
                        self.length += 1;
                    }
                    None => self.too_long = true,
                }
            }
            return None;
        }
        let length = core::mem::take(&mut self.length);
        let too_long = core::mem::take(&mut self.too_long);
        if idle {
            // Nothing since the last 0x00: a host that clears the line.
            return None;
        }
        if too_long {
            return Some(Err(FrameError::TooLong));
        }
        if fed.is_err() {
            return Some(Err(FrameError::Torn));
        }
        let received = self.buffer.get(..length).unwrap_or_default();
        Some(check(received))
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

/// The message in front of a checksum that is right.
fn check(received: &[u8]) -> Result<&[u8], FrameError> {
    let (message, stored) = received
        .split_last_chunk::<CHECKSUM>()
        .ok_or(FrameError::Torn)?;
    match crc32::of(&[message]) == u32::from_le_bytes(*stored) {
        true => Ok(message),
        false => Err(FrameError::Checksum),
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "a frame of more than {FRAME} bytes"),
            Self::Torn => write!(f, "a frame of which bytes were lost"),
            Self::Checksum => write!(f, "a frame whose bytes have changed on the way"),
            Self::Unknown => write!(f, "a message that this version does not know"),
        }
    }
}

impl core::error::Error for FrameError {}
