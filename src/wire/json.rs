//! JSON as PostgreSQL prints it: where the parts of a document stand.
//!
//! Nothing here builds a document: ranges of the text are found, so that all that is not replaced stays as it is.

use std::ops::Range;

/// A member of an object: its key decoded, and where its value stands.
pub struct Member {
    /// The decoded key.
    pub key: Vec<u8>,
    /// The value's bytes.
    pub value: Range<usize>,
}

/// The range without white space around it.
#[must_use]
pub fn trimmed(text: &[u8], range: Range<usize>) -> Range<usize> {
    let blank = |at: usize| text.get(at).is_none_or(u8::is_ascii_whitespace);
    let (mut start, mut end) = (range.start, range.end);
    while start < end && blank(start) {
        start += 1;
    }
    while start < end && blank(end - 1) {
        end -= 1;
    }
    start..end
}

/// The members of the object in this range, in order; `None`: it holds no object.
#[must_use]
pub fn members(text: &[u8], range: Range<usize>) -> Option<Vec<Member>> {
    let parts = parts(text, range, b'{', b'}')?;
    let members = parts.into_iter().map(|part| {
        let part = trimmed(text, part);
        let end = string_end(text, part.start)?;
        let colon = trimmed(text, end..part.end).start;
        if text.get(colon) != Some(&b':') {
            return None;
        }
        Some(Member {
            key: string(text.get(part.start..end)?)?,
            value: trimmed(text, colon + 1..part.end),
        })
    });
    members.collect()
}

/// The elements of the array in this range; `None`: it holds no array.
#[must_use]
pub fn elements(text: &[u8], range: Range<usize>) -> Option<Vec<Range<usize>>> {
    let parts = parts(text, range, b'[', b']')?;
    Some(parts.into_iter().map(|part| trimmed(text, part)).collect())
}

/// The parts between commas of a container.
fn parts(text: &[u8], range: Range<usize>, open: u8, close: u8) -> Option<Vec<Range<usize>>> {
    let range = trimmed(text, range);
    let inside = range.start + 1..range.end.checked_sub(1)?;
    if text.get(range.start) != Some(&open) || text.get(inside.end) != Some(&close) {
        return None;
    }
    let mut parts = Vec::new();
    let (mut from, mut at, mut depth) = (inside.start, inside.start, 0usize);
    while at < inside.end {
        match text.get(at)? {
            b'"' => {
                at = string_end(text, at)?;
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => {
                parts.push(from..at);
                from = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if at != inside.end || depth != 0 {
        return None;
    }
    if !parts.is_empty() || !trimmed(text, from..inside.end).is_empty() {
        parts.push(from..inside.end);
    }
    Some(parts)
}

/// The place behind the string that begins at `start`.
fn string_end(text: &[u8], start: usize) -> Option<usize> {
    if text.get(start) != Some(&b'"') {
        return None;
    }
    let mut at = start + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The text of a string, quotes included in `json`; `None`: it is no string.
#[must_use]
pub fn string(json: &[u8]) -> Option<Vec<u8>> {
    let inner = json.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr::memchr2(b'\\', b'"', rest) {
        let (before, escape) = rest.split_at_checked(at)?;
        text.extend_from_slice(before);
        let (&[first, letter], mut after) = escape.split_first_chunk::<2>()?;
        if first != b'\\' {
            return None;
        }
        match letter {
            b'"' | b'\\' | b'/' => text.push(letter),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => {
                let (first, behind) = four_digits(after)?;
                after = behind;
                let code = if (0xD800..0xDC00).contains(&first) {
                    let (second, behind) = four_digits(after.strip_prefix(b"\\u")?)?;
                    after = behind;
                    0x10000 + ((first - 0xD800) << 10) + second.checked_sub(0xDC00)?
                } else {
                    first
                };
                let mut utf8 = [0; 4];
                text.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut utf8).as_bytes());
            }
            _ => return None,
        }
        rest = after;
    }
    text.extend_from_slice(rest);
    Some(text)
}

fn four_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<4>()?;
    let code = digits.iter().try_fold(0, |code, digit| {
        Some(code << 4 | char::from(*digit).to_digit(16)?)
    })?;
    Some((code, rest))
}

/// A text as a JSON string, as `escape_json` of PostgreSQL writes it.
#[must_use]
pub fn quoted(text: &[u8]) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut json = Vec::with_capacity(text.len() + 2);
    json.push(b'"');
    for byte in text {
        match byte {
            b'"' => json.extend_from_slice(b"\\\""),
            b'\\' => json.extend_from_slice(b"\\\\"),
            8 => json.extend_from_slice(b"\\b"),
            12 => json.extend_from_slice(b"\\f"),
            b'\n' => json.extend_from_slice(b"\\n"),
            b'\r' => json.extend_from_slice(b"\\r"),
            b'\t' => json.extend_from_slice(b"\\t"),
            0..0x20 => {
                json.extend_from_slice(b"\\u00");
                for digit in [byte >> 4, byte & 15] {
                    json.extend(HEX.get(usize::from(digit)));
                }
            }
            _ => json.push(*byte),
        }
    }
    json.push(b'"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_whatever_stands_in_strings() {
        let text = br#" {"a": [1, {"x":"]},"}], "b\"\u00e4" :"z" , "c":{} } "#;
        let found = members(text, 0..text.len()).unwrap();
        let shown: Vec<(String, &str)> = found
            .iter()
            .map(|member| {
                let value = std::str::from_utf8(&text[member.value.clone()]).unwrap();
                (String::from_utf8(member.key.clone()).unwrap(), value)
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("a".to_owned(), r#"[1, {"x":"]},"}]"#),
                ("b\"ä".to_owned(), "\"z\""),
                ("c".to_owned(), "{}")
            ]
        );
        let array = elements(text, found[0].value.clone()).unwrap();
        assert_eq!(array.len(), 2);
        assert_eq!(&text[array[1].clone()], br#"{"x":"]},"}"#);
        assert_eq!(elements(b"[ ]", 0..3).unwrap().len(), 0);
    }

    #[test]
    fn what_is_no_container_is_none() {
        for text in ["", "[", "{", "\"a\"", "[\"a]", "{\"a\" 1}", "1", "{1:2}"] {
            assert!(members(text.as_bytes(), 0..text.len()).is_none(), "{text}");
        }
        for text in ["", "[", "{}", "\"a\"", "[\"a]", "[}]"] {
            assert!(elements(text.as_bytes(), 0..text.len()).is_none(), "{text}");
        }
    }

    #[test]
    fn strings_come_back() {
        for text in ["", "a\"b\\c\n\r\t\u{8}\u{c}\u{1}\u{1f}", "äß日本語😀"] {
            assert_eq!(string(&quoted(text.as_bytes())).unwrap(), text.as_bytes());
        }
        assert_eq!(string(br#""\ud83d\ude00\/""#).unwrap(), "😀/".as_bytes());
        for bad in [r#""a"#, r#""\x""#, r#""\ud83d""#, r#""a"b""#, "a", "\"\\\""] {
            assert!(string(bad.as_bytes()).is_none(), "{bad}");
        }
        assert_eq!(quoted(b"\x01\x1f"), br#""\u0001\u001f""#);
    }
}
