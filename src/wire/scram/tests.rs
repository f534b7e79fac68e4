//! RFC 7677's own example, both sides against each other, and messages that mean no good.

use proptest::prelude::*;

use super::*;

const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

/// SaltedPassword (RFC 5802, section 3).
fn salted(password: &str, salt: &[u8], rounds: u32) -> Sum {
    let mut last = hmac(password.as_bytes(), &[salt, &[0, 0, 0, 1]]);
    let mut salted = last;
    for _ in 1..rounds {
        last = hmac(password.as_bytes(), &[&last]);
        salted = *xor(&salted, &last);
    }
    salted
}

fn client_key(password: &str, salt: &[u8], rounds: u32) -> Sum {
    hmac(&salted(password, salt, rounds), &[b"Client Key"])
}

/// What a client knows who knows the password.
pub(crate) fn keys(password: &str, salt: &[u8], rounds: u32) -> Keys {
    let server_key = hmac(&salted(password, salt, rounds), &[b"Server Key"]);
    Keys {
        rounds,
        salt: salt.to_vec(),
        client_key: Secret::new(&client_key(password, salt, rounds)),
        server_key: Secret::new(&server_key),
    }
}

/// What PostgreSQL would keep of a password.
pub(crate) fn verifier(password: &str, salt: &[u8], rounds: u32) -> String {
    let stored = STANDARD.encode_to_string(hash(&client_key(password, salt, rounds)));
    let server = hmac(&salted(password, salt, rounds), &[b"Server Key"]);
    let (salt, server) = (
        STANDARD.encode_to_string(salt),
        STANDARD.encode_to_string(server),
    );
    format!("SCRAM-SHA-256${rounds}:{salt}${stored}:{server}")
}

fn pencil() -> Verifier {
    let salt = STANDARD.decode_to_vec("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    Verifier::read(&verifier("pencil", &salt, 4096)).unwrap()
}

#[test]
fn rfc_7677() {
    let first = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    let challenged = pencil()
        .challenge(first, false, None, SERVER_NONCE)
        .unwrap();
    assert_eq!(
        challenged.message,
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    let proven = challenged.prove(last).unwrap();
    assert_eq!(
        proven.message,
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    );
}

/// Logs in to a server with what the RFC's client has proven.
fn log_in(
    server: Verifier,
    plus: bool,
    sees: Option<&[u8]>,
    has: Option<&[u8]>,
) -> Result<(), ScramError> {
    let challenged = pencil()
        .challenge(b"n,,n=,r=rOprNGfwEbeRWgbNEkqO", false, None, SERVER_NONCE)
        .unwrap();
    let bare = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let message = auth_message("n=,r=rOprNGfwEbeRWgbNEkqO", &challenged.message, bare);
    // The client knows the password, from which its key follows.
    let Verifier {
        rounds,
        salt,
        stored_key,
        ..
    } = pencil();
    let proof = xor(
        &client_key("pencil", &salt, rounds),
        &hmac(&stored_key, &message),
    );
    let last = format!("{bare},p={}", STANDARD.encode_to_string(proof.as_slice()));
    let keys = challenged.prove(last.as_bytes()).unwrap().keys;
    let begun = keys.begin(plus, sees, CLIENT_NONCE);
    let challenged = server.challenge(begun.message.as_bytes(), plus, has, SERVER_NONCE)?;
    let answered = begun.answer(challenged.message.as_bytes())?;
    let proven = challenged.prove(answered.message.as_bytes())?;
    answered.confirm(proven.message.as_bytes())
}

#[test]
fn a_proof_logs_in_to_a_server_with_the_same_verifier() {
    assert_eq!(log_in(pencil(), false, None, None), Ok(()));
    assert_eq!(log_in(pencil(), true, Some(b"sum"), Some(b"sum")), Ok(()));
    // A server without TLS, or one that knows no binding.
    assert_eq!(log_in(pencil(), false, Some(b"sum"), None), Ok(()));
}

#[test]
fn another_certificate_or_an_offer_taken_out_is_noticed() {
    let sqlstate = |end: Result<(), ScramError>| match end {
        Err(ScramError::Broken {
            sqlstate, message, ..
        }) => (sqlstate, message),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        sqlstate(log_in(pencil(), true, Some(b"one"), Some(b"two"))),
        ("28000", "SCRAM channel binding check failed")
    );
    assert_eq!(
        sqlstate(log_in(pencil(), false, Some(b"sum"), Some(b"sum"))),
        ("28000", "SCRAM channel binding negotiation error")
    );
}

#[test]
fn another_verifier_is_told_apart_from_another_password() {
    let salt = pencil().salt;
    let of = |text: &str| Verifier::read(text).unwrap();
    let other_rounds = of(&verifier("pencil", &salt, 4097));
    assert_eq!(
        log_in(other_rounds, false, None, None),
        Err(ScramError::OtherVerifier)
    );
    let other_password = of(&verifier("pen", &salt, 4096));
    assert_eq!(
        log_in(other_password, false, None, None),
        Err(ScramError::Denied)
    );
    let mock = Verifier::mock(&Secret::new(&[7; 32]), b"nobody");
    let again = Verifier::mock(&Secret::new(&[7; 32]), b"nobody");
    assert_eq!((&mock.salt, mock.rounds), (&again.salt, 4096));
    assert_ne!(
        mock.salt,
        Verifier::mock(&Secret::new(&[7; 32]), b"other").salt
    );
}

#[test]
fn a_server_that_does_not_know_the_verifier_is_found_out() {
    let answered = Answered {
        message: String::new(),
        signature: [9; 32],
    };
    assert_eq!(
        answered.confirm(format!("v={}", STANDARD.encode_to_string([9; 32])).as_bytes()),
        Ok(())
    );
    for last in [
        format!("v={}", STANDARD.encode_to_string([8; 32])),
        "e=other-error".to_owned(),
        String::new(),
        "v=".to_owned(),
    ] {
        assert_eq!(
            answered.confirm(last.as_bytes()),
            Err(ScramError::ServerUnproven)
        );
    }
}

#[test]
fn first_messages_are_read_as_postgresql_does() {
    let first = |text: &str, plus: bool, end_point: Option<&[u8]>| match pencil().challenge(
        text.as_bytes(),
        plus,
        end_point,
        "x",
    ) {
        Ok(_) => "",
        Err(ScramError::Broken { sqlstate, .. }) => sqlstate,
        Err(_) => "other",
    };
    assert_eq!(first("n,,n=a,r=b", false, Some(b"e")), "");
    assert_eq!(first("y,,n=a,r=b,x=extension", false, None), "");
    assert_eq!(
        first("p=tls-server-end-point,,n=,r=b", true, Some(b"e")),
        ""
    );
    for (text, plus, sqlstate) in [
        ("y,,n=a,r=b", false, "28000"),
        ("y,,n=a,r=b", true, "08P01"),
        ("p=tls-server-end-point,,n=a,r=b", false, "08P01"),
        ("p=tls-unique,,n=a,r=b", true, "08P01"),
        ("n,a=admin,n=a,r=b", false, "0A000"),
        ("n,,m=must,n=a,r=b", false, "0A000"),
        ("n,x,n=a,r=b", false, "08P01"),
        ("n,,r=b", false, "08P01"),
        ("n,,n=a", false, "08P01"),
        ("n,,n=a,r=", false, "08P01"),
        ("n,,n=a,r=b\tc", false, "08P01"),
        ("q,,n=a,r=b", false, "08P01"),
        ("n", false, "08P01"),
        ("", false, "08P01"),
    ] {
        assert_eq!(first(text, plus, Some(b"e")), sqlstate, "{text:?}");
    }
}

#[test]
fn last_messages_are_read_as_postgresql_does() {
    let last = |text: &str| {
        let challenged = pencil().challenge(b"n,,n=,r=a", false, None, "b").unwrap();
        match challenged.prove(text.as_bytes()) {
            Ok(_) => "",
            Err(ScramError::Broken { message, .. }) => message,
            Err(ScramError::Denied) => "denied",
            Err(_) => "other",
        }
    };
    let sum = STANDARD.encode_to_string([1; 32]);
    assert_eq!(last(&format!("c=biws,r=ab,p={sum}")), "denied");
    assert_eq!(last(&format!("c=biws,r=ab,x=y,p={sum}")), "denied");
    for (text, message) in [
        (format!("c=biws,r=ac,p={sum}"), "invalid SCRAM response"),
        (
            format!("c=eSws,r=ab,p={sum}"),
            "unexpected SCRAM channel-binding attribute in client-final-message",
        ),
        (format!("r=ab,p={sum}"), "malformed SCRAM message"),
        (
            format!("c=biws,r=ab,p={sum},x=y"),
            "malformed SCRAM message",
        ),
        ("c=biws,r=ab".to_owned(), "malformed SCRAM message"),
        ("c=biws,r=ab,p=AAAA".to_owned(), "malformed SCRAM message"),
    ] {
        assert_eq!(last(&text), message, "{text}");
    }
}

#[test]
fn verifiers_are_read_whole_or_not_at_all() {
    let good = verifier("x", b"salt", 7);
    assert_eq!(Verifier::read(&good).unwrap().rounds, 7);
    for bad in [
        "",
        "md5d41d8cd98f00b204e9800998ecf8427e",
        "SCRAM-SHA-256$0:c2FsdA==$x:y",
        "SCRAM-SHA-256$4096:c2FsdA==$AAAA:AAAA",
        &good.replace("$7:", "$0:"),
        &good.replace("SHA-256", "SHA-1"),
        &format!("{good}x"),
    ] {
        assert!(Verifier::read(bad).is_none(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_message_does_harm(first in "([npy]?(=tls-server-end-point)?,,n=,r=)?\\PC{0,20}", last in "(c=biws,r=ab)?(,p=)?\\PC{0,50}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for first in [first.as_bytes(), &bytes] {
            if let Ok(challenged) = pencil_again().challenge(first, false, None, "b") {
                prop_assert!(challenged.prove(last.as_bytes()).is_err());
            }
            prop_assert!(keys("x", b"s", 1).begin(false, None, "a").answer(first).is_err());
        }
        let known = pencil_again().challenge(b"n,,n=,r=a", false, None, "b").unwrap();
        prop_assert!(known.prove(last.as_bytes()).is_err());
        prop_assert!(Verifier::read(&last).is_none());
    }
}

fn pencil_again() -> Verifier {
    Verifier::read(&verifier("pencil", b"salt", 1)).unwrap()
}
