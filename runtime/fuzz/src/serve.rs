//! Any bytes on the line of a board, and any messages in whole frames.

use mamlet_formats::protocol::{self, FRAME, MAJOR, MINOR, Request};
use mamlet_runtime::serve::{NoStorage, Server};
use mamlet_runtime::{Artifact, Model, Setup, include_aligned};
use serde::ser::{Serialize, SerializeTuple, Serializer};

use crate::memory::Guarded;

static ARTIFACT: &[u8] = include_aligned!("../../tests/data/line.mamlet");

/// Sends the bytes as they are, then each line of them as a message. Whatever
/// they did, the board then says hello.
pub fn serve(data: &[u8]) {
    let artifact = Artifact::parse(ARTIFACT).expect("a good artifact");
    let model = Model::<2>::new(&artifact).expect("a sound network");
    let setup = Setup::new(3);
    let names = artifact.description().expect("a good description");
    let mut memory = Guarded::new(Server::<NoStorage>::memory(&model, setup).len());
    let inside = memory.inside();
    let mut server =
        Server::new(&model, setup, names, "fuzz", NoStorage, inside).expect("enough memory");
    let mut send = |bytes: &[u8]| {
        let answers = bytes.iter().filter(|byte| match server.receive(**byte) {
            Some(answer) => {
                assert!(answer.len() <= FRAME && answer.last() == Some(&0));
                true
            }
            None => false,
        });
        answers.count()
    };
    let hello = Request::Hello {
        major: MAJOR,
        minor: MINOR,
    };
    let mut frame = [0; FRAME];
    let hello = protocol::encode(0, &hello, &mut frame).expect("it fits");
    send(hello);
    send(data);
    send(&[0]);
    for (sequence, line) in data.split(|byte| *byte == b'\n').enumerate() {
        let mut frame = [0; FRAME];
        if let Ok(frame) = protocol::encode(sequence as u16, &Raw(line), &mut frame) {
            assert_eq!(send(frame), 1);
        }
    }
    assert_eq!(send(hello), 1);
    memory.check();
}

/// Bytes that are serialised as they are.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = serializer.serialize_tuple(self.0.len())?;
        for byte in self.0 {
            bytes.serialize_element(byte)?;
        }
        bytes.end()
    }
}
