//! The hex tables of the specification.

const SPEC: &str = include_str!("../../SPEC.md");

/// The bytes of the specification's table of `file`: rows of an offset, bytes
/// and, behind a semicolon, what they mean.
pub fn table(file: &str) -> Vec<u8> {
    let fence = format!("```hex {file}\n");
    let (_, rest) = SPEC.split_once(&fence).expect("the table is there");
    let (table, _) = rest.split_once("```").expect("the table ends");
    let mut bytes = Vec::new();
    for row in table.lines() {
        let row = row.split(';').next().unwrap_or_default();
        let Some((offset, row)) = row.split_once(':') else {
            assert!(row.trim().is_empty(), "a row without an offset: {row}");
            continue;
        };
        let offset = usize::from_str_radix(offset.trim(), 16).expect("an offset in hex");
        assert_eq!(offset, bytes.len(), "{file}: the offsets count the bytes");
        let row = row.split_whitespace();
        bytes.extend(row.map(|byte| u8::from_str_radix(byte, 16).expect("a byte in hex")));
    }
    bytes
}
