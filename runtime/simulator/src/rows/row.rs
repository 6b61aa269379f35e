//! A row and its cells.

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The line it begins in, as an editor counts; of JSON, which of the values it is.
    pub line: u64,
    /// Whether blank lines stand between the row before and this one.
    pub after_blank: bool,
    pub(super) text: &'a str,
    pub(super) ends: &'a [usize],
    pub(super) gap: usize,
    pub(super) width: usize,
    pub(super) named: bool,
}

impl<'a> Row<'a> {
    /// How many cells it has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A cell without spaces around it; empty where the row has no such cell.
    pub fn get(&self, index: usize) -> &'a str {
        let begin = match index {
            0 => 0,
            _ => self.ends.get(index - 1).map_or(0, |end| end + self.gap),
        };
        let cell = self
            .ends
            .get(index)
            .and_then(|&end| self.text.get(begin..end));
        cell.unwrap_or("").trim_ascii()
    }

    /// What is wrong where it has more or fewer columns than the header, or than the
    /// first row.
    pub fn uneven(&self) -> Option<String> {
        let other = if self.named { "header" } else { "first row" };
        let (own, width) = (self.len(), self.width);
        let s = if own == 1 { "" } else { "s" };
        (own != width).then(|| format!("{own} column{s}, the {other} has {width}"))
    }
}

/// The cells of one row, one after the other.
#[derive(Default)]
pub(super) struct Cells {
    pub bytes: Vec<u8>,
    pub length: usize,
    /// Where each ends, and how many bytes lie between two of them.
    pub ends: Vec<usize>,
    pub gap: usize,
    pub count: usize,
}

impl Cells {
    pub fn clear(&mut self) {
        (self.length, self.count, self.gap) = (0, 0, 0);
        self.bytes.clear();
        self.ends.clear();
    }

    pub fn push(&mut self, cell: &str) {
        self.bytes.extend(cell.as_bytes());
        self.length = self.bytes.len();
        self.ends.push(self.length);
        self.count = self.ends.len();
    }

    /// Decodes every cell.
    pub fn decode_windows(&mut self) {
        let (bytes, ends) = (
            std::mem::take(&mut self.bytes),
            std::mem::take(&mut self.ends),
        );
        let (count, gap) = (self.count, self.gap);
        self.clear();
        let mut begin = 0;
        for &end in &ends[..count] {
            let cell = &bytes[begin..end];
            let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(cell);
            self.push(&text);
            begin = end + gap;
        }
    }
}
