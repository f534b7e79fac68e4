//! What stands between tokens: white space and comments.

/// `{space}` of scan.l.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn starts_line_comment(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..).is_some_and(|rest| rest.starts_with(b"--"))
}

/// The end of the `--` comment at `at`: before its newline, or the end of the text.
fn line_comment_end(bytes: &[u8], at: usize) -> usize {
    bytes
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'\n', b'\r', rest))
        .map_or(bytes.len(), |length| at + length)
}

/// The end of the `/*` comment at `at`, with those nested in it; `None` if it has none.
fn block_comment_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = at;
    loop {
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'/', Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (b'*', Some(b'/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
}

/// Skips white space and comments from `at`. `Err` gives the start of a comment that does not end.
pub(super) fn skip(bytes: &[u8], mut at: usize) -> Result<usize, usize> {
    loop {
        match bytes.get(at) {
            Some(&byte) if is_space(byte) => at += 1,
            Some(b'-') if starts_line_comment(bytes, at) => at = line_comment_end(bytes, at),
            Some(b'/') if bytes.get(at + 1) == Some(&b'*') => {
                at = block_comment_end(bytes, at).ok_or(at)?
            }
            _ => return Ok(at),
        }
    }
}

/// Where a string constant that closed just before `at` goes on (`{quotecontinue}` of scan.l): the offset of the
/// next opening quote, after white space with at least one newline and `--` comments.
pub(super) fn continuation(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            byte if is_newline(byte) => break,
            byte if is_space(byte) => at += 1,
            b'-' if starts_line_comment(bytes, at) => at = line_comment_end(bytes, at),
            _ => return None,
        }
    }
    loop {
        match *bytes.get(at)? {
            byte if is_space(byte) => at += 1,
            b'-' if starts_line_comment(bytes, at) => at = line_comment_end(bytes, at),
            b'\'' => return Some(at),
            _ => return None,
        }
    }
}
