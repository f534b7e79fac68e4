//! The key policy that a tenant attaches to its KMS key (AWS KMS developer guide, "Key policies in AWS KMS").

use serde_json::{Value, json};

/// The policy as JSON, ready to paste. `principal` is the role that pgseal runs as; with `tenant`, the key serves that
/// tenant's encryption context only.
///
/// # Errors
/// What is wrong with an ARN, in words for the operator.
pub fn policy(key_arn: &str, principal: &str, tenant: Option<&str>) -> Result<Value, String> {
    let (partition, account) = match key_arn.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", partition, "kms", region, account, resource]
            if !region.is_empty()
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && resource.starts_with("key/") =>
        {
            (*partition, *account)
        }
        _ => {
            return Err(format!(
                "{key_arn} is no key ARN: say arn:aws:kms:region:account:key/id (not an alias, which a policy cannot hang on)"
            ));
        }
    };
    if !principal.starts_with("arn:") || !principal.contains(":iam::") {
        return Err(format!(
            "{principal} is no principal: say arn:aws:iam::account:role/name"
        ));
    }
    let mut context = json!({ "kms:EncryptionContext:keystore": "pgseal" });
    if let (Some(tenant), Some(context)) = (tenant, context.as_object_mut()) {
        context.insert("kms:EncryptionContext:tenant".to_owned(), json!(tenant));
    }
    Ok(json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TheAccountKeepsItsKey",
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:{partition}:iam::{account}:root") },
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "PgsealWrapsDataKeys",
                "Effect": "Allow",
                "Principal": { "AWS": principal },
                "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": { "StringEquals": context },
            },
            {
                "Sid": "PgsealLooksAtTheKey",
                "Effect": "Allow",
                "Principal": { "AWS": principal },
                "Action": "kms:DescribeKey",
                "Resource": "*",
            },
        ],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const ROLE: &str = "arn:aws:iam::444455556666:role/pgseal";

    #[test]
    fn the_policy_names_account_role_and_tenant() {
        let policy = policy(KEY, ROLE, Some("acme")).unwrap();
        let statements = policy["Statement"].as_array().unwrap();
        assert_eq!(
            statements[0]["Principal"]["AWS"],
            "arn:aws:iam::111122223333:root"
        );
        assert_eq!(statements[1]["Principal"]["AWS"], ROLE);
        let only = &statements[1]["Condition"]["StringEquals"];
        assert_eq!(only["kms:EncryptionContext:tenant"], "acme");
    }

    #[test]
    fn what_is_no_key_arn_is_said() {
        for bad in [
            "",
            "arn:aws:kms:eu-central-1:111122223333:alias/a",
            "arn:aws:s3:::b",
            "key/1",
        ] {
            assert!(policy(bad, ROLE, None).is_err(), "{bad}");
        }
        assert!(policy(KEY, "pgseal", None).is_err());
    }
}
