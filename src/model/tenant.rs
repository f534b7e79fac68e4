//! How the value of a tenant column names a tenant.

use super::{Format, Oid, TenantId};

impl TenantId {
    /// The tenant that this value names once it is stored. `max_chars`: n of `varchar(n)`; what is longer is cut, for the
    /// server takes it only if the rest is blank.
    #[must_use]
    pub fn stored(
        type_oid: Oid,
        format: Format,
        bytes: &[u8],
        max_chars: Option<u32>,
    ) -> Option<Self> {
        let text = tenant_text(type_oid, format, bytes)?;
        let max = max_chars.and_then(|max| usize::try_from(max).ok());
        let end = max.and_then(|max| Some(text.char_indices().nth(max)?.0));
        Self::new(end.map_or(text.as_str(), |end| text.get(..end).unwrap_or_default()))
    }
}

/// The text form of a tenant column's value, as PostgreSQL's cast to text gives it.
#[must_use]
pub fn tenant_text(type_oid: Oid, format: Format, bytes: &[u8]) -> Option<String> {
    match (type_oid, format) {
        (Oid(2950), Format::Binary) => uuid_text(bytes),
        (Oid(2950), Format::Text) => {
            let digits: String = std::str::from_utf8(bytes)
                .ok()?
                .chars()
                .filter(|c| !matches!(c, '-' | '{' | '}' | ' '))
                .collect();
            let value = u128::from_str_radix(&digits, 16)
                .ok()
                .filter(|_| digits.len() == 32)?;
            uuid_text(&value.to_be_bytes())
        }
        (Oid(21), Format::Binary) => Some(i16::from_be_bytes(bytes.try_into().ok()?).to_string()),
        (Oid(23), Format::Binary) => Some(i32::from_be_bytes(bytes.try_into().ok()?).to_string()),
        (Oid(20), Format::Binary) => Some(i64::from_be_bytes(bytes.try_into().ok()?).to_string()),
        (Oid(20 | 21 | 23), Format::Text) => Some(
            std::str::from_utf8(bytes)
                .ok()?
                .trim()
                .parse::<i64>()
                .ok()?
                .to_string(),
        ),
        // char(n) is padded; its text, which PostgreSQL compares, is not.
        (Oid(1042), _) => Some(
            std::str::from_utf8(bytes)
                .ok()?
                .trim_end_matches(' ')
                .into(),
        ),
        (Oid(0 | 18 | 19 | 25 | 705 | 1043), _) | (_, Format::Text) => {
            std::str::from_utf8(bytes).ok().map(str::to_owned)
        }
        (_, Format::Binary) => None,
    }
}

fn uuid_text(bytes: &[u8]) -> Option<String> {
    let value = u128::from_be_bytes(bytes.try_into().ok()?);
    let hex = format!("{value:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range);
    Some(
        [
            part(0..8)?,
            part(8..12)?,
            part(12..16)?,
            part(16..20)?,
            part(20..32)?,
        ]
        .join("-"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_have_one_text_whatever_their_format() {
        let upper = b"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11";
        let lower = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        assert_eq!(
            tenant_text(Oid(2950), Format::Text, upper).as_deref(),
            Some(lower)
        );
        let bytes = 0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11_u128.to_be_bytes();
        assert_eq!(
            tenant_text(Oid(2950), Format::Binary, &bytes).as_deref(),
            Some(lower)
        );
        assert_eq!(
            tenant_text(Oid(23), Format::Binary, &7_i32.to_be_bytes()).as_deref(),
            Some("7")
        );
        assert_eq!(
            tenant_text(Oid(20), Format::Text, b" 007").as_deref(),
            Some("7")
        );
        for format in [Format::Text, Format::Binary] {
            assert_eq!(
                tenant_text(Oid(1042), format, b"ab  ").as_deref(),
                Some("ab")
            );
        }
        assert_eq!(tenant_text(Oid(701), Format::Binary, &[0; 8]), None);
    }

    #[test]
    fn a_text_is_cut_to_what_its_column_holds() {
        let stored = |text: &str, max| {
            let tenant = TenantId::stored(Oid(25), Format::Text, text.as_bytes(), max);
            tenant.map(|tenant| tenant.as_str().to_owned())
        };
        assert_eq!(stored("abcd  ", Some(4)).as_deref(), Some("abcd"));
        assert_eq!(stored("äöüß ", Some(4)).as_deref(), Some("äöüß"));
        assert_eq!(stored("ab  ", Some(4)).as_deref(), Some("ab  "));
        assert_eq!(stored("abcd  ", None).as_deref(), Some("abcd  "));
    }
}
