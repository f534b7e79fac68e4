//! Arrays of one dimension in text (manual 8.15.6) and binary (`array_send`) form.

use std::borrow::Cow;

use crate::model::Format;

/// `ndim`, flags and element type, each of four bytes.
const HEAD: usize = 12;
/// Size and lower bound.
const DIMENSION: usize = 8;

/// An element; `None`: NULL.
type Element<'a> = Option<Cow<'a, [u8]>>;

/// The elements of an array; `None`: NULL.
pub type Elements<'a> = Vec<Option<Cow<'a, [u8]>>>;

/// Reads the elements; `None`: not an array of at most one dimension, or damaged.
#[must_use]
pub fn elements(format: Format, bytes: &[u8]) -> Option<Elements<'_>> {
    match format {
        Format::Binary => binary(bytes),
        Format::Text => text(bytes),
    }
}

/// The same array with other elements; an empty one has none.
#[must_use]
pub fn with_elements(
    format: Format,
    array: &[u8],
    elements: &[Option<Vec<u8>>],
) -> Option<Vec<u8>> {
    match format {
        Format::Binary if elements.is_empty() => Some(array.to_vec()),
        Format::Binary => {
            let mut out = array.get(..HEAD)?.to_vec();
            out.extend_from_slice(&i32::try_from(elements.len()).ok()?.to_be_bytes());
            out.extend_from_slice(array.get(HEAD + 4..HEAD + DIMENSION)?);
            for element in elements {
                match element {
                    None => out.extend_from_slice(&(-1i32).to_be_bytes()),
                    Some(bytes) => {
                        out.extend_from_slice(&i32::try_from(bytes.len()).ok()?.to_be_bytes());
                        out.extend_from_slice(bytes);
                    }
                }
            }
            Some(out)
        }
        Format::Text => {
            let mut out = vec![b'{'];
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                match element {
                    None => out.extend_from_slice(b"NULL"),
                    Some(bytes) => {
                        out.push(b'"');
                        for byte in bytes {
                            if matches!(byte, b'"' | b'\\') {
                                out.push(b'\\');
                            }
                            out.push(*byte);
                        }
                        out.push(b'"');
                    }
                }
            }
            out.push(b'}');
            Some(out)
        }
    }
}

fn int(bytes: &[u8], at: usize) -> Option<i32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(i32::from_be_bytes(four.try_into().ok()?))
}

fn binary(bytes: &[u8]) -> Option<Elements<'_>> {
    let count = match int(bytes, 0)? {
        0 if bytes.len() == HEAD => return Some(Vec::new()),
        1 => usize::try_from(int(bytes, HEAD)?).ok()?,
        _ => return None,
    };
    let mut at = HEAD + DIMENSION;
    let mut elements = Vec::new();
    for _ in 0..count {
        let len = int(bytes, at)?;
        at += 4;
        match usize::try_from(len) {
            Err(_) if len == -1 => elements.push(None),
            Err(_) => return None,
            Ok(len) => {
                let end = at.checked_add(len)?;
                elements.push(Some(Cow::Borrowed(bytes.get(at..end)?)));
                at = end;
            }
        }
    }
    (at == bytes.len()).then_some(elements)
}

fn text(bytes: &[u8]) -> Option<Elements<'_>> {
    let inner = bytes
        .trim_ascii()
        .strip_prefix(b"{")?
        .strip_suffix(b"}")?
        .trim_ascii();
    let mut elements = Vec::new();
    if inner.is_empty() {
        return Some(elements);
    }
    let mut rest = inner;
    loop {
        let (element, after) = text_element(rest.trim_ascii_start())?;
        elements.push(element);
        match after.trim_ascii_start().split_first() {
            None => return Some(elements),
            Some((b',', more)) => rest = more,
            Some(_) => return None,
        }
    }
}

/// An element and what stands behind it.
fn text_element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let quoted = bytes.first() == Some(&b'"');
    let mut value = Vec::new();
    let mut at = usize::from(quoted);
    let mut escaped = quoted;
    loop {
        match bytes.get(at) {
            Some(b'"') if quoted => {
                at += 1;
                break;
            }
            None if quoted => return None,
            None => break,
            Some(b',') if !quoted => break,
            Some(b'{' | b'}' | b'"') if !quoted => return None,
            Some(b'\\') => {
                value.push(*bytes.get(at + 1)?);
                escaped = true;
                at += 2;
            }
            Some(byte) => {
                value.push(*byte);
                at += 1;
            }
        }
    }
    let rest = bytes.get(at..)?;
    if !quoted {
        value.truncate(value.trim_ascii_end().len());
        if value.is_empty() {
            return None;
        }
    }
    if !escaped && value.eq_ignore_ascii_case(b"null") {
        return Some((None, rest));
    }
    Some((Some(Cow::Owned(value)), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(array: &str) -> Option<Vec<Option<String>>> {
        let elements = elements(Format::Text, array.as_bytes())?;
        let text = |bytes: Cow<'_, [u8]>| String::from_utf8(bytes.into_owned()).unwrap();
        Some(
            elements
                .into_iter()
                .map(|element| element.map(text))
                .collect(),
        )
    }

    #[test]
    fn text_arrays_are_read_as_postgresql_reads_them() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("{}"), Some(vec![]));
        assert_eq!(
            read(" { a , \"b,\" ,null, \"NULL\"} "),
            Some(vec![some("a"), some("b,"), None, some("NULL")])
        );
        assert_eq!(
            read(r#"{"a\"b\\",c\ d}"#),
            Some(vec![some("a\"b\\"), some("c d")])
        );
        for bad in [
            "",
            "{",
            "{a",
            "{{a},{b}}",
            "[1:2]={a,b}",
            "{a,}",
            "{a\"b}",
            "{\"a\"b}",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(values in proptest::collection::vec(proptest::option::of(".{0,12}"), 0..6)) {
            let values: Vec<Option<Vec<u8>>> = values.into_iter().map(|v| v.map(String::into_bytes)).collect();
            let text = with_elements(Format::Text, b"{}", &values).unwrap();
            let mut array = Vec::new();
            let dims: i32 = if values.is_empty() { 0 } else { 1 };
            for number in [dims, 0, 25] { array.extend_from_slice(&number.to_be_bytes()); }
            if dims == 1 {
                array.extend_from_slice(&i32::try_from(values.len()).unwrap().to_be_bytes());
                array.extend_from_slice(&1i32.to_be_bytes());
            }
            let binary = with_elements(Format::Binary, &array, &values).unwrap();
            for (format, bytes) in [(Format::Text, text), (Format::Binary, binary)] {
                let read: Vec<Option<Vec<u8>>> = elements(format, &bytes).unwrap().into_iter().map(|v| v.map(Cow::into_owned)).collect();
                prop_assert_eq!(&read, &values);
            }
        }

        #[test]
        fn any_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = (elements(Format::Text, &bytes), elements(Format::Binary, &bytes));
        }
    }
}
