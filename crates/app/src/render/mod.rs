//! Answers as text. Each file turns one answer of the facade into a page; nothing is computed here but
//! sums of what is shown, and percentages.

pub mod calibrate;
pub mod campaign;
pub mod catalog;
pub mod decide;
pub mod fit;
mod grid;
pub mod kernel;
mod layout;
pub mod mine;
pub mod model;
pub mod nki;
mod numbers;
pub mod orders;
pub mod own;
pub mod plan;
pub mod profile;
pub mod rent;
pub mod run_rate;
pub mod sell;
mod stages;
pub mod step;
pub mod supply;
pub mod supply_tests;
pub mod tokens;
pub mod validate;

/// What a page is laid out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Columns.
    pub width: usize,
    pub color: bool,
}

impl Page {
    /// A heading line.
    pub fn heading(&self, text: &str) -> String {
        let lines = wrap(text, self.width);
        if self.color { format!("\x1b[1m{}\x1b[0m\n", lines.join("\n")) } else { lines.join("\n") + "\n" }
    }

    /// Text broken at words, every line after the first indented by `hang`; the first follows `lead`.
    pub fn hanging(&self, lead: &str, hang: usize, text: &str) -> String {
        let mut out = String::new();
        for (i, line) in wrap(text, self.width.saturating_sub(hang).max(20)).iter().enumerate() {
            if i == 0 {
                let pad = hang.saturating_sub(lead.chars().count());
                out.push_str(lead);
                out.push_str(&" ".repeat(pad));
            } else {
                out.push_str(&" ".repeat(hang));
            }
            out.push_str(line);
            out.push('\n');
        }
        out
    }

    /// `   label      text`, for the blocks below a table. Nothing for an empty text.
    pub fn field(&self, label: &str, text: &str) -> String {
        if text.is_empty() { String::new() } else { self.hanging(&format!("   {label}"), 15, text) }
    }
}

/// Breaks at spaces; a word longer than the line stays whole, so that addresses can be copied.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut length = 0;
        for word in paragraph.split(' ') {
            let n = word.chars().count();
            if length > 0 && length + 1 + n > width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += n;
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_words_only() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("https://example.org/a/long/path x", 10), ["https://example.org/a/long/path", "x"]);
        assert!(wrap("", 10).is_empty());
    }

    #[test]
    fn fields_hang() {
        let page = Page { width: 40, color: false };
        assert_eq!(page.field("cost", "one two three four five six"), "   cost        one two three four five\n               six\n");
        assert_eq!(page.field("cost", ""), "");
    }
}
