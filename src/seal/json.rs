//! JSON as PostgreSQL reads it, and jsonb as PostgreSQL prints it (manual 8.14).

use std::borrow::Cow;
use std::fmt::Write;

use crate::model::Refusal;

/// Deeper documents are refused: the parser recurses, and a stack is finite.
const MAX_DEPTH: usize = 512;
/// numeric's digits before the decimal point, leading zeros aside.
const MAX_DIGITS: i64 = 131_072;
/// An exponent from here on is an overflow, even of zero (numeric_in: half of the greatest int, which 16 and later still take).
const MAX_EXPONENT: i64 = 1_073_741_823;
/// numeric's digits behind the decimal point.
const MAX_SCALE: i64 = 16_383;

/// What is printed as it was written is borrowed from there.
enum Value<'a> {
    /// null, true, false, and numbers in their printed form.
    Bare(Cow<'a, str>),
    Text(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    /// Members in jsonb's order: by the key's length in bytes, then by its bytes; of equal keys the last counts.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// Whether a text is JSON.
///
/// # Errors
/// `22P02` if not.
pub(super) fn validate(text: &str) -> Result<(), Refusal> {
    Parser::new(text, false).document().map(drop)
}

/// The text that jsonb prints for a document.
///
/// # Errors
/// `22P02` for what is no JSON, `22P05` for `\u0000`, `22003` for numbers beyond numeric.
pub(super) fn canonical_jsonb(text: &str) -> Result<String, Refusal> {
    let value = Parser::new(text, true).document()?;
    let mut out = String::with_capacity(text.len());
    print(&value, &mut out);
    Ok(out)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    jsonb: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, jsonb: bool) -> Self {
        Self { text, at: 0, jsonb }
    }

    fn document(&mut self) -> Result<Value<'a>, Refusal> {
        let value = self.value(0)?;
        self.space();
        if self.peek().is_some() {
            Err(invalid())
        } else {
            Ok(value)
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.peek() == Some(byte);
        self.at += usize::from(eaten);
        eaten
    }

    /// The bytes from here on that fit; where they end, a character must end.
    fn run(&mut self, fits: impl Fn(&u8) -> bool) -> &'a str {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let len = rest.iter().take_while(|byte| fits(byte)).count();
        let run = self.text.get(self.at..self.at + len).unwrap_or_default();
        self.at += len;
        run
    }

    fn space(&mut self) {
        self.run(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    fn expect(&mut self, byte: u8) -> Result<(), Refusal> {
        if self.eat(byte) {
            Ok(())
        } else {
            Err(invalid())
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, Refusal> {
        if depth > MAX_DEPTH {
            return Err(Refusal::new(
                "54001",
                "a JSON value is nested too deeply",
                "Nest at most 512 levels. See docs/errors.md#invalid-json.",
            ));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Bare),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, Refusal> {
        self.expect(b'{')?;
        let mut members = Vec::new();
        self.space();
        if self.eat(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.expect(b':')?;
            members.push((key, self.value(depth + 1)?));
            self.space();
            if !self.eat(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        members.sort_by(|(one, _), (other, _)| (one.len(), one).cmp(&(other.len(), other)));
        members.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Ok(Value::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, Refusal> {
        self.expect(b'[')?;
        let mut elements = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.space();
            if !self.eat(b',') {
                self.expect(b']')?;
                return Ok(Value::Array(elements));
            }
        }
    }

    fn word(&mut self) -> Result<Value<'a>, Refusal> {
        let word = self.run(u8::is_ascii_alphanumeric);
        if matches!(word, "null" | "true" | "false") {
            Ok(Value::Bare(word.into()))
        } else {
            Err(invalid())
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Refusal> {
        self.expect(b'"')?;
        let plain = |byte: &u8| *byte >= 0x20 && !matches!(byte, b'"' | b'\\');
        let whole = self.run(plain);
        if self.eat(b'"') {
            return Ok(whole.into());
        }
        let mut text = whole.to_owned();
        loop {
            match self.next() {
                Some(b'"') => return Ok(text.into()),
                Some(b'\\') => self.escape(&mut text)?,
                _ => return Err(invalid()),
            }
            text.push_str(self.run(plain));
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), Refusal> {
        let c = match self.next().ok_or_else(invalid)? {
            c @ (b'"' | b'\\' | b'/') => char::from(c),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(text),
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
                self.expect(b'\\').and_then(|()| self.expect(b'u'))?;
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
            let digit = self.next().and_then(|byte| char::from(byte).to_digit(16));
            let digit = digit.ok_or_else(invalid)?;
            Ok(code << 4 | digit)
        })
    }

    fn digits(&mut self) -> Result<&'a str, Refusal> {
        match self.run(u8::is_ascii_digit) {
            "" => Err(invalid()),
            digits => Ok(digits),
        }
    }

    fn number(&mut self) -> Result<Cow<'a, str>, Refusal> {
        let start = self.at;
        let negative = self.eat(b'-');
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(invalid());
        }
        let is_whole = !matches!(self.peek(), Some(b'.' | b'e' | b'E'));
        let fraction = if self.eat(b'.') { self.digits()? } else { "" };
        let exponent = if self.eat(b'e') || self.eat(b'E') {
            let start = self.at;
            let _sign = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
            self.text.get(start..self.at).unwrap_or_default()
        } else {
            ""
        };
        if self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            return Err(invalid());
        }
        // Nearly all numbers are short whole ones, and printed as they stand; but zero has no sign.
        if !self.jsonb || is_whole && whole.len() < 20 {
            let written = self.text.get(start..self.at).unwrap_or_default();
            return Ok(if whole == "0" { whole } else { written }.into());
        }
        numeric(negative, whole, fraction, exponent).map(Cow::Owned)
    }
}

/// A number as numeric prints it: no exponent, digits behind the point kept.
fn numeric(negative: bool, whole: &str, fraction: &str, exponent: &str) -> Result<String, Refusal> {
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
    if !(1 - MAX_EXPONENT..MAX_EXPONENT).contains(&exponent) {
        return Err(overflow());
    }
    let point = i64::try_from(whole.len()).map_err(|_| overflow())? + exponent;
    let digits = format!("{whole}{fraction}");
    let count = i64::try_from(digits.len()).map_err(|_| overflow())?;
    let significant = digits.trim_start_matches('0').len();
    let zero = significant == 0;
    let before_point = point - count + i64::try_from(significant).map_err(|_| overflow())?;
    if !zero && before_point > MAX_DIGITS || count - point > MAX_SCALE {
        return Err(overflow());
    }
    // A zero is one digit, whatever its exponent is.
    let point = if zero { point.min(count) } else { point };
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

fn print(value: &Value<'_>, out: &mut String) {
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
            for (index, (key, member)) in members.iter().enumerate() {
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
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| u32::from(c) < 0x20 || matches!(c, '"' | '\\'))
        && let Some((plain, behind)) = rest.split_at_checked(at)
    {
        out.push_str(plain);
        let mut behind = behind.chars();
        match behind.next() {
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c @ ('"' | '\\')) => out.extend(['\\', c]),
            c => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", c.map_or(0, u32::from));
            }
        }
        rest = behind.as_str();
    }
    out.push_str(rest);
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
            (
                r#"{"b":1,"b":2,"aa":[],"\u0062":3,"ä\tö":"\\x"}"#,
                r#"{"b": 3, "aa": [], "ä\tö": "\\x"}"#,
            ),
            ("null", "null"),
            ("{}", "{}"),
        ];
        for (input, printed) in cases {
            assert_eq!(canonical_jsonb(input).unwrap(), printed);
        }
    }

    #[test]
    fn a_number_is_as_great_as_numeric_takes_it() {
        let nines = format!("[{}]", "9".repeat(131_072));
        assert_eq!(canonical_jsonb(&nines).unwrap(), nines);
        let five = format!("5{}", "0".repeat(131_071));
        for (input, printed) in [
            ("0.5e131072", five.as_str()),
            ("0.0005e131075", five.as_str()),
            ("-0e200000", "0"),
            ("0.00e1000000", "0"),
            ("0.000e1", "0.00"),
        ] {
            assert_eq!(canonical_jsonb(input).unwrap(), printed, "{input}");
        }
        for over in [
            "5e131072",
            "0.05e131074",
            "0e1073741823",
            "1e-16384",
            "0e-16384",
        ] {
            assert_eq!(
                canonical_jsonb(over).unwrap_err().sqlstate,
                "22003",
                "{over}"
            );
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
