//! The serial protocol: a host teaches a board and reads what it learnt.
//!
//! The host asks, the board answers, over a UART, USB or anything else that
//! carries bytes. A [`Request`] or an [`Answer`] is one frame:
//!
//! ```text
//! COBS( postcard( sequence, message ) │ CRC-32 ) │ 0x00
//! ```
//!
//! A frame has at most [`FRAME`] bytes, so that is all the memory that either
//! side needs; what is longer, such as an example or weights, travels in pieces.
//! The byte 0x00 stands at the end of a frame and nowhere else: whatever was
//! lost or added on the way, the next frame is whole again.
//!
//! ```
//! use mamlet_formats::protocol::{self, FRAME, MAJOR, MINOR, Receiver, Request};
//!
//! let hello = Request::Hello { major: MAJOR, minor: MINOR };
//! let mut frame = [0; FRAME];
//! let frame = protocol::encode(7, &hello, &mut frame)?;
//!
//! let mut receiver = Receiver::new();
//! for byte in b"noise\0".iter().chain(frame) {
//!     if let Some(Ok(message)) = receiver.push(*byte) {
//!         assert_eq!(protocol::decode(message)?, (7, hello));
//!     }
//! }
//! # Ok::<(), protocol::FrameError>(())
//! ```
//!
//! # Nothing is done twice
//! A host that gets no answer sends the same frame again. A board that sees
//! the frame it has just answered gives the same answer and does nothing, so an
//! example is not added twice because an answer was lost. A host that goes on
//! counts the sequence up. [`Request::Hello`] is always answered anew.
//!
//! # Why it is not `postcard-rpc`
//! That has the same frames but for the checksum, and sequence numbers, but does
//! not ask again where bytes were lost. Its servers are tasks of an asynchronous
//! executor and its hosts need tokio; here a board is a function of bytes, which
//! a loop without an executor, an interrupt or a task can call.

mod answer;
mod frame;
mod refusal;
mod request;

pub use answer::{About, Answer, Cause, Memory, Outcome, Statistics, Stored};
pub use frame::{FrameError, Receiver, decode, encode, sequence};
pub use refusal::Refusal;
pub use request::Request;

/// A board refuses a host of another major version.
pub const MAJOR: u16 = 1;
/// A host may use what minor versions up to the board's have.
pub const MINOR: u16 = 0;
/// The most bytes of a frame, the 0x00 at its end included.
pub const FRAME: usize = 256;
/// The most numbers that one message carries.
pub const PIECE: usize = 56;
/// The most bytes of a name that one message carries.
pub const TEXT: usize = 48;
