//! A whole book as JSON: its history, one entry a line, nothing lost.

use secondsource_base::Diagnostic;
use secondsource_market::orders::Entry;
use serde::Deserialize;
use std::fmt::Write as _;

/// Most entries of a book.
pub const MOST_ENTRIES: usize = 5_000_000;

const FORMAT: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "secondsource-orders")]
    format: u32,
    entries: Vec<Entry>,
}

/// A history as text.
///
/// # Errors
/// When an entry has no JSON, which only a fault of ours can cause.
pub fn write_history(entries: &[Entry]) -> Result<String, Diagnostic> {
    let mut out = format!("{{\"secondsource-orders\": {FORMAT}, \"entries\": [");
    for (i, e) in entries.iter().enumerate() {
        let line = serde_json::to_string(e).map_err(|e| Diagnostic::error(format!("an entry cannot be written: {e}")))?;
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(out, "{comma}\n{line}");
    }
    out.push_str("\n]}\n");
    Ok(out)
}

/// Entries of such a text, in their order. Whether they follow from one another is for the book to say.
///
/// # Errors
/// Where the text is not of this form.
pub fn read_history(name: &str, text: &str) -> Result<Vec<Entry>, Diagnostic> {
    let document: Document = serde_json::from_str(text).map_err(|e| {
        let words = e.to_string();
        let words = words.split(" at line ").next().unwrap_or_default().to_owned();
        Diagnostic { at: Some((e.line(), e.column())), ..Diagnostic::error(words) }
            .in_file(name)
            .hint("`orders export --book BOOK --to FILE.json` writes a file of this form")
    })?;
    if document.format != FORMAT {
        let d = Diagnostic::error(format!("a history of format {}, but this program reads format {FORMAT}", document.format));
        return Err(d.in_file(name));
    }
    if document.entries.len() > MOST_ENTRIES {
        return Err(Diagnostic::error(format!("more than {MOST_ENTRIES} entries")).in_file(name));
    }
    Ok(document.entries)
}
