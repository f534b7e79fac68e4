use super::*;

fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Config::load(None, &env)
}

#[test]
fn ages_are_seconds_and_the_soft_one_is_the_shorter() {
    let ages = |soft: &str, hard: &str| {
        load(&[
            ("PGSEAL_UPSTREAM", "postgres://h"),
            ("PGSEAL_KEY_SOFT_AGE", soft),
            ("PGSEAL_KEY_HARD_AGE", hard),
        ])
        .map(|config| (config.ages.soft, config.ages.hard))
    };
    assert_eq!(ages("2", "60"), Ok((2_000, 60_000)));
    assert_eq!(ages("3600", ""), Ok((3_600_000, 3_600_000)));
    assert!(ages("61", "60").is_err() && ages("0", "60").is_err() && ages("soon", "").is_err());
}

#[test]
fn timeouts_are_seconds_and_0_is_never() {
    let timing = |key: &str, said: &str| {
        load(&[("PGSEAL_UPSTREAM", "postgres://h"), (key, said)]).map(|config| config.timing)
    };
    let default = timing("PGSEAL_LISTEN", "").ok().unwrap();
    assert_eq!((default.login.as_secs(), default.client_idle), (60, None));
    let idle = timing("PGSEAL_CLIENT_IDLE_TIMEOUT", "90").ok().unwrap();
    assert_eq!(idle.client_idle, Some(Duration::from_secs(90)));
    let off = timing("PGSEAL_TCP_KEEPALIVES_IDLE", "0").ok().unwrap();
    assert_eq!(off.keepalive.idle, None);
    for (key, bad) in [
        ("PGSEAL_LOGIN_TIMEOUT", "0"),
        ("PGSEAL_CLIENT_IDLE_TIMEOUT", "soon"),
        ("PGSEAL_TCP_KEEPALIVES_COUNT", "128"),
    ] {
        assert!(timing(key, bad).is_err(), "{key}");
    }
}

#[test]
fn messages_have_a_limit_in_mebibytes() {
    let limit = |said: &str| {
        load(&[
            ("PGSEAL_UPSTREAM", "postgres://h"),
            ("PGSEAL_MESSAGE_LIMIT", said),
        ])
        .map(|config| config.message_limit)
    };
    assert_eq!(limit(""), Ok(64 << 20));
    assert_eq!(limit("256"), Ok(256 << 20));
    assert!(limit("0").is_err() && limit("1025").is_err() && limit("1 GB").is_err());
}

#[test]
fn there_is_always_a_thread() {
    let threads = |said: &str| {
        load(&[
            ("PGSEAL_UPSTREAM", "postgres://h"),
            ("PGSEAL_THREADS", said),
        ])
        .map(|config| config.threads.get())
    };
    assert_eq!(threads("3"), Ok(3));
    assert!(threads("").unwrap() >= 1);
    assert!(threads("0").is_err() && threads("257").is_err() && threads("many").is_err());
}

#[test]
fn listeners_are_addresses_and_sockets_by_libpq_s_names() {
    let listen = |text: &str| {
        load(&[("PGSEAL_UPSTREAM", "postgres://h"), ("PGSEAL_LISTEN", text)])
            .map(|config| config.listen)
    };
    let unix = |path: &str| Listen::Unix(path.into());
    assert_eq!(
        listen("[::1]:7000, /run/pgseal,/run/x:7001,/run/y/.s.PGSQL.9"),
        Ok(vec![
            Listen::Tcp("[::1]:7000".to_owned()),
            unix("/run/pgseal/.s.PGSQL.6432"),
            unix("/run/x/.s.PGSQL.7001"),
            unix("/run/y/.s.PGSQL.9"),
        ])
    );
    assert_eq!(
        listen(""),
        Ok(vec![Listen::Tcp("127.0.0.1:6432".to_owned())])
    );
    for bad in ["localhost", ":6432", "h:70000", "/run:x", "h:1,"] {
        assert!(listen(bad).is_err(), "{bad}");
    }
}

#[test]
fn errors_name_the_setting() {
    let place = |pairs: &[(&str, &str)]| load(pairs).err().unwrap().place;
    assert!(place(&[]).contains("PGSEAL_UPSTREAM"));
    assert_eq!(
        place(&[("PGSEAL_UPSTREAM", "postgres://h"), ("PGSEAL_KMS", "gcp")]),
        "PGSEAL_KMS"
    );
}
