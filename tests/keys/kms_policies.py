"""Who may do what with a KMS key: key policies and grants, evaluated and worded as AWS does.

After the AWS KMS developer guide ("Key policies", "Grants in AWS KMS", "Condition keys") for a caller of another account, whose own
IAM policy allows all: an explicit Deny wins, then an Allow of the key policy or a grant is needed. What a test would need beyond it
is an error here, not a silent yes.
"""
from fnmatch import fnmatchcase


def listed(value):
    return value if isinstance(value, list) else [value]


def holds(conditions, context):
    """Whether a statement's conditions hold for a request's encryption context."""
    facts = {f"kms:EncryptionContext:{name}": [value] for name, value in context.items()}
    facts["kms:EncryptionContextKeys"] = list(context)
    for operator, tests in conditions.items():
        for name, wanted in tests.items():
            found, wanted = facts.get(name, []), listed(wanted)
            if operator == "StringEquals":
                fits = bool(found) and found[0] in wanted
            elif operator == "StringLike":
                fits = bool(found) and any(fnmatchcase(found[0], pattern) for pattern in wanted)
            elif operator == "ForAllValues:StringEquals":
                fits = all(value in wanted for value in found)
            else:
                raise NotImplementedError(operator)
            if not fits:
                return False
    return True


def matches(statement, caller, action, context):
    principals = listed(statement["Principal"]["AWS"] if isinstance(statement["Principal"], dict) else statement["Principal"])
    return (
        any(principal in ("*", caller) for principal in principals)
        and any(fnmatchcase(action.lower(), pattern.lower()) for pattern in listed(statement["Action"]))
        and holds(statement.get("Condition", {}), context))


def granted(grant, caller, action, context):
    if grant["GranteePrincipal"] != caller or action.removeprefix("kms:") not in grant["Operations"]:
        return False
    constraints = grant.get("Constraints", {})
    if "EncryptionContextEquals" in constraints and action != "kms:DescribeKey" and context != constraints["EncryptionContextEquals"]:
        return False
    subset = constraints.get("EncryptionContextSubset", {})
    return action == "kms:DescribeKey" or subset.items() <= context.items()


def denial(key, caller, action, context):
    """What KMS says to a caller that may not; None for one that may."""
    who = f"User: {caller} is not authorized to perform: {action} on resource: {key.arn}"
    statements = [statement for statement in (key.policy or {}).get("Statement", []) if matches(statement, caller, action, context)]
    if any(statement["Effect"] == "Deny" for statement in statements):
        return f"{who} with an explicit deny in a resource-based policy"
    if statements or any(granted(grant, caller, action, context) for grant in key.grants.values()):
        return None
    return f"{who} because no resource-based policy allows the {action} action"
