//! Comma-separated values (RFC 4180).

/// A table with a header line.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut out = String::new();
    line(&mut out, header.iter().map(|c| (*c).to_owned()));
    for row in rows {
        line(&mut out, row.into_iter());
    }
    out
}

/// One line; cells with commas, quotes or line ends are quoted.
pub(crate) fn line(out: &mut String, cells: impl Iterator<Item = String>) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must() {
        let rows = vec![vec!["a,b".to_owned(), "say \"x\"".to_owned()], vec!["two\nlines".to_owned(), String::new()]];
        assert_eq!(table(&["p", "q"], rows), "p,q\n\"a,b\",\"say \"\"x\"\"\"\n\"two\nlines\",\n");
    }
}
