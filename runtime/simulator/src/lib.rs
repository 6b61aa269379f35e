//! A board on the host: the engine that runs on a board, on the same bytes,
//! with the flash, RAM and clock of that board.
//!
//! | module | owns |
//! |---|---|
//! | [`board`] | named boards and budgets of one's own |
//! | [`mod@file`] | artifacts from disk, aligned as in flash |
//! | [`rows`] | rows of text files, however they are written |
//! | [`table`] | support and query examples from CSV |
//! | [`samples`] | the same from raw samples, by the front end |
//! | [`session`] | one session of a board: examples in, adapted, queried |
//! | [`flash`] | NOR flash that wears and loses power |
//! | [`flash_file`] | a file that stands for the board's flash |
//! | [`mod@replay`] | episodes from a file, a session for each |
//! | [`serial`] | a board at the other end of a line, and the simulator as one |
//! | [`mod@act`] | a policy learns to control units that nobody has seen |
//! | [`fit`] | what an artifact takes of a board |
//! | [`golden`] | golden vectors for a new artifact |
//!
//! The command `mamlet-sim` is a thin shell around these.
#![forbid(unsafe_code)]

pub mod act;
pub mod board;
pub mod file;
pub mod fit;
pub mod flash;
pub mod flash_file;
pub mod golden;
pub mod replay;
pub mod rows;
pub mod samples;
pub mod serial;
pub mod session;
pub mod table;

/// The simulator's model: enough layers for anything that fits a board.
pub type Model<'a> = mamlet_runtime::Model<'a, 64>;
