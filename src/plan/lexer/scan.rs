//! Where each token ends.

use super::{
    LexError, LexErrorKind, MAX_NAME_BYTES, StringKind, Token, TokenKind, blank, decode, number,
};

/// `{ident_start}` of scan.l.
pub(super) fn is_ident_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// `{ident_cont}` of scan.l.
pub(super) fn is_ident_part(byte: u8) -> bool {
    is_ident_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_operator(byte: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&byte)
}

/// Walks over one text.
pub(super) struct Scanner<'a> {
    sql: &'a str,
    bytes: &'a [u8],
    at: usize,
    conforming: bool,
}

type Scanned<T> = Result<T, LexError>;

/// Gives kind and end of the number that starts at an offset.
type ReadNumber = fn(&[u8], usize) -> Result<(TokenKind, usize), LexErrorKind>;

impl<'a> Scanner<'a> {
    pub(super) fn new(sql: &'a str, conforming: bool) -> Self {
        Self {
            sql,
            bytes: sql.as_bytes(),
            at: 0,
            conforming,
        }
    }

    /// The next token, a `UESCAPE` clause joined to the constant or name before it; `None` at the end.
    pub(super) fn next_token(&mut self) -> Scanned<Option<Token>> {
        let Some(token) = self.raw_token()? else {
            return Ok(None);
        };
        match token.kind {
            TokenKind::UnicodeIdent | TokenKind::String(StringKind::Unicode) => {
                self.with_uescape(token).map(Some)
            }
            _ => Ok(Some(token)),
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn raw_token(&mut self) -> Scanned<Option<Token>> {
        self.at = blank::skip(self.bytes, self.at).map_err(|at| LexError {
            at,
            kind: LexErrorKind::UnterminatedComment,
        })?;
        let start = self.at;
        let Some(first) = self.peek(0) else {
            return Ok(None);
        };
        let kind = self
            .scan(first)
            .map_err(|kind| LexError { at: start, kind })?;
        let token = Token {
            kind,
            start,
            end: self.at,
        };
        if let TokenKind::String(kind @ (StringKind::Escape | StringKind::Escaping)) = kind {
            decode::string(kind, token.text(self.sql), start)?;
        }
        Ok(Some(token))
    }

    fn scan(&mut self, first: u8) -> Result<TokenKind, LexErrorKind> {
        let second = self.peek(1);
        match (first, second) {
            (b'\'', _) => self.string(0, self.unprefixed(StringKind::Plain)),
            (b'e' | b'E', Some(b'\'')) => self.string(1, StringKind::Escape),
            (b'b' | b'B', Some(b'\'')) => self.string(1, StringKind::Bit),
            (b'x' | b'X', Some(b'\'')) => self.string(1, StringKind::Hex),
            (b'n' | b'N', Some(b'\'')) => self.string(1, self.unprefixed(StringKind::National)),
            (b'u' | b'U', Some(b'&')) if self.peek(2) == Some(b'\'') => {
                if !self.conforming {
                    return Err(LexErrorKind::UnsafeUnicodeString);
                }
                self.string(2, StringKind::Unicode)
            }
            (b'u' | b'U', Some(b'&')) if self.peek(2) == Some(b'"') => {
                self.quoted(2, TokenKind::UnicodeIdent)
            }
            (b'"', _) => self.quoted(0, TokenKind::QuotedIdent),
            (b'$', Some(digit)) if digit.is_ascii_digit() => self.numeric(number::param),
            (b'$', _) => self.dollar(),
            (b'0'..=b'9', _) => self.numeric(number::number),
            (b'.', Some(digit)) if digit.is_ascii_digit() => self.numeric(number::number),
            (b'.', Some(b'.')) => Ok(self.take(2, TokenKind::DotDot)),
            (b':', Some(b':')) => Ok(self.take(2, TokenKind::TypeCast)),
            (b':', Some(b'=')) => Ok(self.take(2, TokenKind::ColonEquals)),
            (b',' | b'(' | b')' | b'[' | b']' | b'.' | b';' | b':', _) => {
                Ok(self.take(1, TokenKind::Special(first)))
            }
            _ if is_operator(first) => self.operator(),
            _ if is_ident_start(first) => Ok(self.word()),
            _ => Err(LexErrorKind::UnexpectedCharacter),
        }
    }

    /// What a constant without a prefix that names its escapes is.
    fn unprefixed(&self, conforming: StringKind) -> StringKind {
        if self.conforming {
            conforming
        } else {
            StringKind::Escaping
        }
    }

    fn take(&mut self, length: usize, kind: TokenKind) -> TokenKind {
        self.at += length;
        kind
    }

    fn numeric(&mut self, read: ReadNumber) -> Result<TokenKind, LexErrorKind> {
        let (kind, end) = read(self.bytes, self.at)?;
        self.at = end;
        Ok(kind)
    }

    fn word(&mut self) -> TokenKind {
        while self.peek(0).is_some_and(is_ident_part) {
            self.at += 1;
        }
        TokenKind::Ident
    }

    /// A constant whose opening quote stands `prefix` bytes ahead, with its continuations.
    fn string(&mut self, prefix: usize, kind: StringKind) -> Result<TokenKind, LexErrorKind> {
        let mut quote = self.at + prefix;
        loop {
            let end =
                segment_end(self.bytes, quote + 1, kind).ok_or(LexErrorKind::UnterminatedString)?;
            match blank::continuation(self.bytes, end) {
                Some(next) => quote = next,
                None => {
                    self.at = end;
                    return Ok(TokenKind::String(kind));
                }
            }
        }
    }

    /// A quoted name whose opening quote stands `prefix` bytes ahead.
    fn quoted(&mut self, prefix: usize, kind: TokenKind) -> Result<TokenKind, LexErrorKind> {
        let first = self.at + prefix + 1;
        let end = closing(self.bytes, first, b'"').ok_or(LexErrorKind::UnterminatedIdentifier)?;
        if end == first + 1 {
            return Err(LexErrorKind::EmptyIdentifier);
        }
        self.at = end;
        Ok(kind)
    }

    fn dollar(&mut self) -> Result<TokenKind, LexErrorKind> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let delimiter = decode::dollar_delimiter(rest).ok_or(LexErrorKind::UnexpectedCharacter)?;
        let body = rest.get(delimiter.len()..).unwrap_or_default();
        let length =
            memchr::memmem::find(body, delimiter).ok_or(LexErrorKind::UnterminatedString)?;
        self.at += length + 2 * delimiter.len();
        Ok(TokenKind::String(StringKind::Dollar))
    }

    /// `{operator}` of scan.l: the longest run, cut before a comment; a trailing `+` or `-` stays only
    /// where one of ``~ ! @ # ^ & | ` ? %`` says that it is no sign.
    fn operator(&mut self) -> Result<TokenKind, LexErrorKind> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let run = rest
            .iter()
            .position(|&byte| !is_operator(byte))
            .unwrap_or(rest.len());
        let mut operator = rest.get(..run).unwrap_or_default();
        if let Some(cut) = operator
            .windows(2)
            .position(|pair| pair == b"--" || pair == b"/*")
        {
            operator = operator.get(..cut).unwrap_or_default();
        }
        if !operator
            .iter()
            .rev()
            .skip(1)
            .any(|byte| b"~!@#^&|`?%".contains(byte))
        {
            while let [shorter @ .., b'+' | b'-'] = operator
                && !shorter.is_empty()
            {
                operator = shorter;
            }
        }
        if operator.len() > MAX_NAME_BYTES {
            return Err(LexErrorKind::OperatorTooLong);
        }
        Ok(self.take(operator.len().max(1), TokenKind::Operator))
    }

    /// Takes `UESCAPE 'c'` into the token before it, if it follows, and decodes the whole once.
    fn with_uescape(&mut self, token: Token) -> Scanned<Token> {
        let mut whole = token;
        let is_clause = |next: Token| next.is_word(self.sql, "uescape");
        if let Ok(Some(_)) = self
            .raw_token()
            .map(|next| next.filter(|next| is_clause(*next)))
        {
            let failed = |at| LexError {
                at,
                kind: LexErrorKind::InvalidEscapeCharacter,
            };
            let escape = self.raw_token()?.ok_or_else(|| failed(self.sql.len()))?;
            whole.end = escape.end;
            match escape.kind {
                TokenKind::String(
                    StringKind::Plain
                    | StringKind::Escaping
                    | StringKind::Escape
                    | StringKind::Dollar,
                ) => {}
                _ => return Err(failed(escape.start)),
            }
        }
        self.at = whole.end;
        decode::unicode(whole.text(self.sql), whole.start)?;
        Ok(whole)
    }
}

/// The end of the segment whose first byte after the opening quote is `at`, its closing quote included.
pub(super) fn segment_end(bytes: &[u8], at: usize, kind: StringKind) -> Option<usize> {
    match kind {
        // No doubled quotes here: `B'1''0'` is two constants.
        StringKind::Bit | StringKind::Hex => {
            memchr::memchr(b'\'', bytes.get(at..)?).map(|length| at + length + 1)
        }
        StringKind::Escape | StringKind::Escaping => escaped_end(bytes, at),
        _ => closing(bytes, at, b'\''),
    }
}

fn escaped_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'\'', b'\\', bytes.get(at..)?)?;
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'\\'), _) | (_, Some(b'\'')) => at += 2,
            _ => return Some(at + 1),
        }
    }
}

/// The end of a quoted stretch in which the quote is doubled, its closing quote included.
pub(super) fn closing(bytes: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        at += memchr::memchr(quote, bytes.get(at..)?)?;
        if bytes.get(at + 1) != Some(&quote) {
            return Some(at + 1);
        }
        at += 2;
    }
}
