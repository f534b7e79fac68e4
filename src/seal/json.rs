//! JSON as PostgreSQL reads it, and jsonb as PostgreSQL prints it (manual 8.14).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

use crate::model::Refusal;

/// Deeper documents are refused: the parser recurses, and a stack is finite.
const MAX_DEPTH: usize = 512;
/// numeric's digits before the decimal point; an exponent beyond is an overflow there.
const MAX_EXPONENT: i64 = 131_072;
/// numeric's digits behind the decimal point.
const MAX_SCALE: i64 = 16_383;

enum Value {
    /// null, true, false, and numbers in their printed form.
    Bare(String),
    Text(String),
    Array(Vec<Value>),
    /// Keys in jsonb's order: by length in bytes, then by bytes; of equal ones the last counts.
    Object(BTreeMap<(usize, String), Value>),
}

/// Whether a text is JSON.
///
/// # Errors
/// `22P02` if not.
pub(super) fn validate(text: &str) -> Result<(), Refusal> {
    Parser {
        chars: text.chars().peekable(),
        jsonb: false,
    }
    .document()
    .map(drop)
}

/// The text that jsonb prints for a document.
///
/// # Errors
/// `22P02` for what is no JSON, `22P05` for `\u0000`, `22003` for numbers beyond numeric.
pub(super) fn canonical_jsonb(text: &str) -> Result<String, Refusal> {
    let value = Parser {
        chars: text.chars().peekable(),
        jsonb: true,
    }
    .document()?;
    let mut out = String::with_capacity(text.len());
    print(&value, &mut out);
    Ok(out)
}

struct Parser<'a> {
    chars: Peekable<Chars<'a>>,
    jsonb: bool,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Value, Refusal> {
        let value = self.value(0)?;
        self.space();
        if self.chars.peek().is_some() {
            Err(invalid())
        } else {
            Ok(value)
        }
    }

    fn space(&mut self) {
        while self
            .chars
            .next_if(|c| matches!(c, ' ' | '\t' | '\n' | '\r'))
            .is_some()
        {}
    }

    fn expect(&mut self, c: char) -> Result<(), Refusal> {
        self.chars.next_if_eq(&c).map(drop).ok_or_else(invalid)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Refusal> {
        if depth > MAX_DEPTH {
            return Err(Refusal::new(
                "54001",
                "a JSON value is nested too deeply",
                "Nest at most 512 levels. See docs/errors.md#invalid-json.",
            ));
        }
        self.space();
        match self.chars.peek() {
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"') => self.string().map(Value::Text),
            Some('-' | '0'..='9') => self.number().map(Value::Bare),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Refusal> {
        self.expect('{')?;
        let mut members = BTreeMap::new();
        self.space();
        if self.chars.next_if_eq(&'}').is_some() {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.expect(':')?;
            let value = self.value(depth + 1)?;
            members.insert((key.len(), key), value);
            self.space();
            if self.chars.next_if_eq(&',').is_none() {
                self.expect('}')?;
                return Ok(Value::Object(members));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Refusal> {
        self.expect('[')?;
        let mut elements = Vec::new();
        self.space();
        if self.chars.next_if_eq(&']').is_some() {
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.space();
            if self.chars.next_if_eq(&',').is_none() {
                self.expect(']')?;
                return Ok(Value::Array(elements));
            }
        }
    }

    fn word(&mut self) -> Result<Value, Refusal> {
        let mut word = String::new();
        while let Some(c) = self.chars.next_if(char::is_ascii_alphanumeric) {
            word.push(c);
        }
        if matches!(word.as_str(), "null" | "true" | "false") {
            Ok(Value::Bare(word))
        } else {
            Err(invalid())
        }
    }

    fn string(&mut self) -> Result<String, Refusal> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.chars.next().ok_or_else(invalid)? {
                '"' => return Ok(text),
                '\\' => self.escape(&mut text)?,
                c if u32::from(c) < 0x20 => return Err(invalid()),
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), Refusal> {
        let c = match self.chars.next().ok_or_else(invalid)? {
            c @ ('"' | '\\' | '/') => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(text),
            _ => return Err(invalid()),
        };
        text.push(c);
        Ok(())
    }

    fn unicode(&mut self, text: &mut String) -> Result<(), Refusal> {
        let first = self.four_digits()?;
        // json stores the text as it came: PostgreSQL checks no more than the digits there.
        if !self.jsonb {
            return Ok(());
        }
        let code = match first {
            0 => {
                return Err(Refusal::new(
                    "22P05",
                    "unsupported Unicode escape sequence: \\u0000 cannot be converted to text",
                    "Leave it out. See docs/errors.md#invalid-json.",
                ));
            }
            0xD800..=0xDBFF => {
                self.expect('\\').and_then(|()| self.expect('u'))?;
                let second = self.four_digits()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(invalid());
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            code => code,
        };
        text.push(char::from_u32(code).ok_or_else(invalid)?);
        Ok(())
    }

    fn four_digits(&mut self) -> Result<u32, Refusal> {
        (0..4).try_fold(0, |code, _| {
            let digit = self
                .chars
                .next()
                .and_then(|c| c.to_digit(16))
                .ok_or_else(invalid)?;
            Ok(code << 4 | digit)
        })
    }

    fn digits(&mut self) -> Result<String, Refusal> {
        let mut digits = String::new();
        while let Some(c) = self.chars.next_if(char::is_ascii_digit) {
            digits.push(c);
        }
        if digits.is_empty() {
            Err(invalid())
        } else {
            Ok(digits)
        }
    }

    fn number(&mut self) -> Result<String, Refusal> {
        let negative = self.chars.next_if_eq(&'-').is_some();
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(invalid());
        }
        let fraction = if self.chars.next_if_eq(&'.').is_some() {
            self.digits()?
        } else {
            String::new()
        };
        let mut exponent = String::new();
        if self.chars.next_if(|c| matches!(c, 'e' | 'E')).is_some() {
            exponent.extend(self.chars.next_if(|c| matches!(c, '+' | '-')));
            exponent.push_str(&self.digits()?);
        }
        if self.chars.peek().is_some_and(char::is_ascii_alphanumeric) {
            return Err(invalid());
        }
        if self.jsonb {
            numeric(negative, &whole, &fraction, &exponent)
        } else {
            Ok(String::new())
        }
    }
}

/// A number as numeric prints it: no exponent, digits behind the point kept.
fn numeric(negative: bool, whole: &str, fraction: &str, exponent: &str) -> Result<String, Refusal> {
    // Nearly all numbers are short whole ones.
    if fraction.is_empty() && exponent.is_empty() && whole.len() < 20 {
        let sign = if negative && whole != "0" { "-" } else { "" };
        return Ok([sign, whole].concat());
    }
    let overflow = || {
        Refusal::new(
            "22003",
            "a JSON number is out of numeric's range",
            "Use a smaller number or a string. See docs/errors.md#invalid-json.",
        )
    };
    let exponent: i64 = if exponent.is_empty() {
        0
    } else {
        exponent.parse().map_err(|_| overflow())?
    };
    let point = i64::try_from(whole.len())
        .map_err(|_| overflow())?
        .checked_add(exponent)
        .ok_or_else(overflow)?;
    let digits = format!("{whole}{fraction}");
    let count = i64::try_from(digits.len()).map_err(|_| overflow())?;
    let zero = digits.bytes().all(|digit| digit == b'0');
    if exponent.abs() > MAX_EXPONENT || (point > MAX_EXPONENT && !zero) || count - point > MAX_SCALE
    {
        return Err(overflow());
    }
    let cut = usize::try_from(point.clamp(0, count)).map_err(|_| overflow())?;
    let (before, after) = digits.split_at_checked(cut).ok_or_else(overflow)?;
    let trailing = "0".repeat(usize::try_from((point - count).max(0)).map_err(|_| overflow())?);
    let leading = "0".repeat(usize::try_from((-point).max(0)).map_err(|_| overflow())?);
    let integer = format!("{before}{trailing}");
    let integer = match integer.trim_start_matches('0') {
        "" => "0",
        trimmed => trimmed,
    };
    let sign = if negative && !zero { "-" } else { "" };
    let scale = format!("{leading}{after}");
    Ok(if scale.is_empty() {
        format!("{sign}{integer}")
    } else {
        format!("{sign}{integer}.{scale}")
    })
}

fn print(value: &Value, out: &mut String) {
    match value {
        Value::Bare(text) => out.push_str(text),
        Value::Text(text) => print_string(text, out),
        Value::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                print(element, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, ((_, key), member)) in members.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                print_string(key, out);
                out.push_str(": ");
                print(member, out);
            }
            out.push('}');
        }
    }
}

/// As `escape_json` of PostgreSQL.
fn print_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn invalid() -> Refusal {
    Refusal::new(
        "22P02",
        "invalid input syntax for type json",
        "Send valid JSON. See docs/errors.md#invalid-json.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jsonb_prints_as_postgresql_does() {
        let cases = [
            (
                r#" {"bb":1, "a":2,"b":3 ,"a":4}"#,
                r#"{"a": 4, "b": 3, "bb": 1}"#,
            ),
            (
                r#"[1.0,1e2,1E-2,-0,-0.0,12.50e1,0.1e-2, 10]"#,
                r#"[1.0, 100, 0.01, 0, 0.0, 125.0, 0.001, 10]"#,
            ),
            (r#""\u00e9\ud83d\ude00\/\n\u0001""#, "\"é😀/\\n\\u0001\""),
            ("null", "null"),
            ("{}", "{}"),
        ];
        for (input, printed) in cases {
            assert_eq!(canonical_jsonb(input).unwrap(), printed);
        }
    }

    #[test]
    fn what_is_no_json_is_refused_as_postgresql_does() {
        for bad in [
            "", "{", "01", "1.", "nul", "\"a", "[1,]", "{\"a\"}", "'a'", "\"\t\"", "1 2", "-",
            "1e", "\"\\x\"",
        ] {
            assert_eq!(validate(bad).unwrap_err().sqlstate, "22P02", "{bad}");
        }
        assert_eq!(
            canonical_jsonb("\"\\u0000\"").unwrap_err().sqlstate,
            "22P05"
        );
        assert_eq!(
            canonical_jsonb(&"[".repeat(1000)).unwrap_err().sqlstate,
            "54001"
        );
    }
}
