//! Reads what a git server says of a repository's branches and tags: the smart HTTP protocol's first answer, a list of
//! pkt-lines. No git is needed for it, and no rate-limited API asked. Total: any bytes give refs or an error.

/// More refs than this are refused.
const LIMIT: usize = 100_000;

/// A branch or tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ref {
    /// Commit, or tag object, as 40 hexadecimal digits.
    pub id: String,
    /// Full name: `refs/tags/v1.0`. One that ends with `^{}` is the commit an annotated tag names.
    pub name: String,
}

/// Whether a text is an object's whole id: 40 hexadecimal digits.
pub fn is_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Reads the answer to `info/refs?service=git-upload-pack`.
///
/// # Errors
/// What is wrong with it, as half a sentence.
pub fn read(bytes: &[u8]) -> Result<Vec<Ref>, String> {
    if let Some(refs) = listed(bytes) {
        return Ok(refs);
    }
    let mut rest = bytes;
    let mut refs = Vec::new();
    while !rest.is_empty() {
        let (line, after) = line(rest)?;
        rest = after;
        let text = String::from_utf8_lossy(line);
        // The first ref is followed by what the server can do.
        let text = text.split('\0').next().unwrap_or_default().trim_end();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if let Some(why) = text.strip_prefix("ERR ") {
            return Err(format!(
                "the server says: {}",
                why.chars().take(200).collect::<String>()
            ));
        }
        let (id, name) = text.split_once(' ').ok_or("a line is no ref")?;
        if !is_id(id) {
            return Err("a line does not begin with an object's id".to_owned());
        }
        if refs.len() >= LIMIT {
            return Err(format!("there are more than {LIMIT} refs"));
        }
        refs.push(Ref {
            id: id.to_owned(),
            name: name.to_owned(),
        });
    }
    Ok(refs)
}

/// The list a server without git keeps as a file: an id, a tab and a name on each line.
fn listed(bytes: &[u8]) -> Option<Vec<Ref>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut refs = Vec::new();
    for line in text.lines() {
        let (id, name) = line.split_once('\t')?;
        if !is_id(id) || refs.len() >= LIMIT {
            return None;
        }
        refs.push(Ref {
            id: id.to_owned(),
            name: name.to_owned(),
        });
    }
    (!refs.is_empty()).then_some(refs)
}

/// One pkt-line – four digits of length, themselves included – and what is behind it. Lengths below four are marks.
fn line(bytes: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let head = bytes.get(..4).ok_or("it is cut off")?;
    let length = std::str::from_utf8(head)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|text| usize::from_str_radix(text, 16).ok())
        .ok_or("it is not git's smart HTTP protocol")?;
    if length < 4 {
        return Ok((&[], &bytes[4..]));
    }
    let line = bytes.get(4..length).ok_or("it is cut off")?;
    Ok((line, &bytes[length..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    fn answer() -> String {
        let id = "a".repeat(40);
        [
            packet("# service=git-upload-pack\n"),
            "0000".to_owned(),
            packet(&format!(
                "{id} HEAD\0multi_ack symref=HEAD:refs/heads/main\n"
            )),
            packet(&format!("{id} refs/heads/main\n")),
            packet(&format!("{id} refs/tags/v2.5.0\n")),
            packet(&format!("{id} refs/tags/v2.5.0^{{}}\n")),
            "0000".to_owned(),
        ]
        .concat()
    }

    #[test]
    fn branches_and_tags_are_read() {
        let refs = read(answer().as_bytes()).unwrap();
        let names: Vec<_> = refs.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "HEAD",
                "refs/heads/main",
                "refs/tags/v2.5.0",
                "refs/tags/v2.5.0^{}"
            ]
        );
    }

    #[test]
    fn a_plain_list_is_read_too() {
        let (id, other) = ("a".repeat(40), "b".repeat(40));
        let text = format!("{id}\trefs/heads/main\n{other}\trefs/tags/v1\n");
        let refs = read(text.as_bytes()).unwrap();
        assert_eq!((refs.len(), refs[1].name.as_str()), (2, "refs/tags/v1"));
        assert!(read(text.replace('\t', " ").as_bytes()).is_err());
    }

    #[test]
    fn what_is_no_list_of_refs_is_an_error() {
        assert_eq!(
            read(b"<html>").unwrap_err(),
            "it is not git's smart HTTP protocol"
        );
        let refused = packet("ERR access denied\n");
        assert_eq!(
            read(refused.as_bytes()).unwrap_err(),
            "the server says: access denied"
        );
        let whole = answer();
        assert!(read(&whole.as_bytes()[..whole.len() - 6]).is_err());
    }

    proptest! {
        #[test]
        fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn reading_something_alike_is_total(text in "(000[0-9a-f]|[ -~]|\\n|\\x00){0,60}") {
            let _ = read(text.as_bytes());
        }
    }
}
