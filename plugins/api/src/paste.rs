//! Commands as a person pastes them into a shell.

/// The words of a command, each quoted where a shell would read it as anything but itself.
pub fn pasted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::pasted;

    #[test]
    fn a_shell_reads_the_words_as_they_were() {
        let words = ["pct", "exec", "105", "--", "", "a b", "it's", "$HOME", "*"];
        let line = r"pct exec 105 -- '' 'a b' 'it'\''s' '$HOME' '*'";
        assert_eq!(pasted(words), line);
    }
}
