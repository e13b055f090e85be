//! Diagnostics: what was wrong, where (file:line:column), and the nearest thing that would be right.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// A text with its name, for turning byte offsets into lines.
#[derive(Debug, Clone, Copy)]
pub struct SourceText<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

impl SourceText<'_> {
    /// 1-based line and column (in characters) of a byte offset; past the end means the last line.
    pub fn line_col(&self, offset: usize) -> (usize, usize) {
        let mut at = offset.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.text[..at];
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let col = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        (line, col)
    }
}

/// One problem with an input. `Display` prints it the way the command line shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    pub file: Option<String>,
    /// 1-based line and column.
    pub at: Option<(usize, usize)>,
    /// The offending line, cut to 200 characters.
    pub snippet: Option<String>,
    pub hints: Vec<String>,
}

impl Diagnostic {
    pub fn error(message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Error, message: message.into(), file: None, at: None, snippet: None, hints: Vec::new() }
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(message) }
    }

    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Points at a byte offset of a text.
    pub fn at_offset(mut self, source: SourceText<'_>, offset: usize) -> Self {
        let (line, col) = source.line_col(offset);
        self.file = Some(source.name.to_owned());
        self.at = Some((line, col));
        self.snippet = source.text.lines().nth(line - 1).map(|l| l.chars().take(200).collect());
        self
    }

    pub fn at_line(mut self, file: impl Into<String>, line: usize) -> Self {
        self.file = Some(file.into());
        self.at = Some((line, 1));
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds "did you mean `x`?" when one of the candidates is near.
    pub fn suggest<'c>(self, wrong: &str, candidates: impl IntoIterator<Item = &'c str>) -> Self {
        match nearest(wrong, candidates) {
            Some(n) => self.hint(format!("did you mean `{n}`?")),
            None => self,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{word}: {}", self.message)?;
        if let Some(file) = &self.file {
            write!(f, "\n  --> {file}")?;
            if let Some((line, col)) = self.at {
                write!(f, ":{line}:{col}")?;
                if let Some(snippet) = &self.snippet {
                    let n = line.to_string();
                    let pad = " ".repeat(n.len());
                    let caret = " ".repeat(col.saturating_sub(1).min(200));
                    write!(f, "\n {pad} |\n {n} | {snippet}\n {pad} | {caret}^")?;
                }
            }
        }
        for hint in &self.hints {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// The candidate with the smallest edit distance (case and `-`/`_`/`.` ignored), if it is near enough
/// to be a plausible slip: at most a third of the longer name, or one contains the other.
pub fn nearest<'c>(wrong: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let fold = |s: &str| -> Vec<char> { s.chars().take(80).flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect() };
    let w = fold(wrong);
    let mut best: Option<(usize, &str)> = None;
    for c in candidates {
        let k = fold(c);
        let d = distance(&w, &k);
        let longest = w.len().max(k.len());
        let near = d * 3 <= longest;
        let inside = w.len() >= 3 && (contains(&k, &w) || (k.len() >= 3 && contains(&w, &k)));
        if (near || inside) && best.is_none_or(|(bd, _)| d < bd) {
            best = Some((d, c));
        }
    }
    best.map(|(_, c)| c)
}

fn contains(hay: &[char], needle: &[char]) -> bool {
    !needle.is_empty() && hay.windows(needle.len()).any(|w| w == needle)
}

/// Levenshtein distance with transposition of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut prev2: Vec<usize> = Vec::new();
    let mut prev: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut d = (prev[j] + 1).min(row[j - 1] + 1).min(prev[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                d = d.min(prev2[j - 2] + 1);
            }
            row.push(d);
        }
        prev2 = std::mem::replace(&mut prev, row);
    }
    prev[b.len()]
}
