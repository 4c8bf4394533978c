//! What other crates say over several lines, in one: whoever reads it may stand at a bin with a phone.

/// A TOML error as `line N: what`, without the quoted source.
pub(crate) fn toml(error: &toml::de::Error, text: &str) -> String {
    let what = joined(error.message());
    match error.span() {
        Some(span) => {
            let before = text.as_bytes().get(..span.start).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            format!("line {line}: {what}")
        }
        None => what,
    }
}

/// Lines joined by single spaces.
pub(crate) fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toml_error_names_its_line_and_is_one() {
        let text = "a = 1\nb = 2\nc = = 3\n";
        let line = toml(&text.parse::<toml::Table>().unwrap_err(), text);
        assert!(line.starts_with("line 3: ") && !line.contains('\n'), "{line}");
        let text = "\n\nwidth = \"wide\"\n";
        #[derive(Debug, serde::Deserialize)]
        struct View {
            #[allow(dead_code, reason = "only read to fail")]
            width: u32,
        }
        let line = toml(&toml::from_str::<View>(text).unwrap_err(), text);
        assert!(line.starts_with("line 3: invalid type"), "{line}");
    }
}
