//! One pass over the raw text before `serde_json` sees it: bounded size and depth, bare `Infinity` and
//! `NaN` made readable, and the place of every key of the outer two objects, for diagnostics.

use secondsource_base::{Diagnostic, SourceText};
use std::collections::BTreeMap;

/// Configurations are a few kilobytes; anything this long is another kind of file.
pub const MAX_BYTES: usize = 4 << 20;
/// Published configurations nest four deep.
const MAX_DEPTH: usize = 64;
/// Longer keys are no model dimension.
const MAX_KEY: usize = 80;

/// Byte offsets of keys: `hidden_size` of the outer object, `text_config.hidden_size` of an inner one.
pub type KeyOffsets = BTreeMap<String, usize>;

pub struct Scanned {
    /// The text with `Infinity`, `-Infinity` and `NaN` replaced by an empty text of the same length.
    pub text: String,
    pub keys: KeyOffsets,
}

struct Scanner<'a> {
    source: SourceText<'a>,
    bytes: &'a [u8],
    out: Vec<u8>,
    keys: KeyOffsets,
    /// One entry per open bracket: true for an object.
    open: Vec<bool>,
    /// The key under which the inner object was opened.
    parent: Option<String>,
    last_key: String,
}

pub fn scan(source: SourceText<'_>) -> Result<Scanned, Diagnostic> {
    if source.text.len() > MAX_BYTES {
        return Err(Diagnostic::error(format!(
            "this text has {} bytes; a model configuration is at most {MAX_BYTES} bytes (4 MiB)",
            source.text.len()
        ))
        .in_file(source.name)
        .hint("give the model's config.json, not its weights, tokenizer or weight index"));
    }
    let mut s = Scanner {
        source,
        bytes: source.text.as_bytes(),
        out: source.text.as_bytes().to_vec(),
        keys: KeyOffsets::new(),
        open: Vec::new(),
        parent: None,
        last_key: String::new(),
    };
    s.run()?;
    let text = String::from_utf8(s.out).map_err(|_| Diagnostic::error("this text is not UTF-8").in_file(source.name))?;
    Ok(Scanned { text, keys: s.keys })
}

impl Scanner<'_> {
    fn run(&mut self) -> Result<(), Diagnostic> {
        let mut at = if self.source.text.starts_with('\u{feff}') {
            self.out[..3].fill(b' ');
            3
        } else {
            0
        };
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'"' => at = self.string(at),
                b'{' | b'[' => {
                    self.enter(at, byte == b'{')?;
                    at += 1;
                }
                b'}' | b']' => {
                    self.open.pop();
                    if self.open.len() < 2 {
                        self.parent = None;
                    }
                    at += 1;
                }
                _ => at += self.bare_number(at),
            }
        }
        Ok(())
    }

    fn enter(&mut self, at: usize, object: bool) -> Result<(), Diagnostic> {
        if self.open.len() >= MAX_DEPTH {
            let d = Diagnostic::error(format!("brackets nest more than {MAX_DEPTH} deep"));
            return Err(d.at_offset(self.source, at));
        }
        if self.open.len() == 1 && object {
            self.parent = Some(std::mem::take(&mut self.last_key));
        }
        self.open.push(object);
        Ok(())
    }

    /// Skips a string; notes it when it is a key. Returns the offset behind it.
    fn string(&mut self, start: usize) -> usize {
        let mut at = start + 1;
        while let Some(&b) = self.bytes.get(at) {
            match b {
                b'\\' => at += 2,
                b'"' => break,
                _ => at += 1,
            }
        }
        let end = (at + 1).min(self.bytes.len());
        let inside = self.source.text.get(start + 1..at).unwrap_or_default();
        let is_key = self.bytes[end..].iter().find(|b| !b.is_ascii_whitespace()) == Some(&b':');
        if is_key && inside.len() <= MAX_KEY && self.open.last() == Some(&true) {
            match (self.open.len(), &self.parent) {
                (1, _) => {
                    self.last_key = inside.to_owned();
                    self.keys.insert(inside.to_owned(), start);
                }
                (2, Some(parent)) => {
                    self.keys.insert(format!("{parent}.{inside}"), start);
                }
                _ => {}
            }
        }
        end
    }

    /// Replaces a bare `Infinity`, `-Infinity` or `NaN` and returns how many bytes to step over.
    fn bare_number(&mut self, at: usize) -> usize {
        for word in ["-Infinity", "Infinity", "NaN"] {
            let end = at + word.len();
            if self.bytes[at..].starts_with(word.as_bytes()) && !self.bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
                // An empty text of the same length: offsets hold, and no dimension can be read from it.
                self.out[at..end].fill(b' ');
                self.out[at..at + 2].copy_from_slice(b"\"\"");
                return word.len();
            }
        }
        1
    }
}
