"""What the schema holds, as the generator sees it."""
from dataclasses import dataclass

# The types of columns whose values are not any of their type.
TYPES = {"tenant": "text", "part": "text", "partb": "text", "found": "text", "foundv": "varchar", "foundb": "bytea", "owner": "int", "ref": "int", "noteref": "int"}
# Kinds of columns that every row gives a value, and that are set once.
FIXED = ("tenant", "owner", "part", "partb", "ref", "noteref")
INTS = ("int", "owner", "ref", "noteref")


@dataclass
class Column:
    name: str
    kind: str
    sealed: bool = False

    @property
    def type(self):
        return TYPES.get(self.kind, self.kind)

    @property
    def searched(self):
        return self.kind.startswith("found")


@dataclass
class Table:
    name: str
    columns: list
    key: str = "id"
    tenant: str | None = "org"
    unique: str = "id"
    # SQL for the tenant that a row's values are sealed for.
    owner: str | None = None
    # Keys begin behind it.
    first: int = 0
    # What ON CONFLICT may name besides.
    others: tuple = ()

    def __post_init__(self):
        self.owner = self.owner or self.tenant

    @property
    def needed(self):
        """The columns that no row can be without."""
        return {self.key, *self.unique.split(", "), *(column.name for column in self.columns if column.kind in FIXED)}

    @property
    def settable(self):
        """The columns that a write may change without moving the row elsewhere."""
        return [column for column in self.columns if column.name != self.key and column.kind not in FIXED]

    def of(self, sealed):
        return [column for column in self.columns if column.sealed == sealed]


def columns(text):
    """`name:kind`, with `*` behind the sealed ones."""
    return [Column(*part.rstrip("*").rsplit(":", 1), part.endswith("*")) for part in text.split("|")]


PEOPLE = columns("id:int|org:tenant|name:text|n:int|secret:text*|code:varchar*|doc:jsonb*|raw:json*|blob:bytea*")
TABLES = {
    "people": Table("people", PEOPLE, others=("(org, n)", "ON CONSTRAINT people_org_n_key")),
    "notes": Table("notes", columns("id:int|person:ref|title:text|body:text*|meta:jsonb*"), tenant=None, owner="SELECT p.org FROM ONLY people p WHERE p.id = person", first=10),
    "tokens": Table("tokens", columns("id:int|label:text|n:int|token:text*|extra:jsonb*"), tenant=None),
    "events": Table("events", columns("id:int|org:tenant|kind:part|payload:text*|n:int"), unique="id, kind"),
    "events_b": Table("events_b", columns("n:int|payload:text*|kind:partb|org:tenant|id:int"), unique="id, kind"),
    "staff": Table("staff", [*PEOPLE, Column("grade", "int")], first=100),
    "odd": Table('"Odd Table"', columns('"Id":int|"Org":tenant|"Secret ""Value""":text*|"n":int'), key='"Id"', tenant='"Org"', unique='"Id"'),
    "parts": Table("parts", columns("id:int|org:tenant|n:int|body:text*|meta:jsonb*"), unique="id, n"),
    "constants": Table("constants", columns("id:int|label:text|value:bytea*|body:json*"), tenant=None, owner="'main'"),
    "accounts": Table("accounts", columns("id:int|org:tenant|email:found*|login:foundv*|mark:foundb*|memo:text*|n:int"), others=("(org, email)", "(org, email)", "(login)", "ON CONSTRAINT accounts_org_email_key")),
    "contacts": Table("contacts", columns("id:int|org:tenant|mail:found*|label:text")),
    "ledgers": Table("ledgers", columns("id:int|org:owner|memo:text*|entry:jsonb*|amount:numeric|at:timestamptz|tags:text[]|open:bool")),
    "replies": Table("replies", columns("id:int|note:noteref|body:text*|extra:json*|n:int"), tenant=None, owner="SELECT t.person FROM notes t WHERE t.id = note"),
    "logs": Table("logs", columns("id:int|note:text|ref:int|n:int|secret:text"), tenant=None),
    "other": Table("other.people", columns("id:int|org:tenant|name:text|n:int|secret:text"), tenant=None),
}
PROTECTED = [name for name in TABLES if name not in ("logs", "other")]
VIEWS = {
    "active_people": columns("id:int|org:tenant|name:text|hidden:text*|doc:jsonb*"),
    "people_names": columns("id:int|org:tenant|name:text|n:int"),
    "deep": columns("id:int|hidden:text*|d:jsonb*|j:other*|loud:other*"),
    "all_texts": columns("id:int|words:text*"),
    "deeper": columns("id:int|hidden:text*|words:text*|token:text*"),
    "notes_and_people": columns("id:int|title:text|body:text*|name:text|secret:text*"),
    "threads": columns("id:int|note:int|body:text*|about:text*|person:int"),
    "thread_list": columns("id:int|replies:other*|count:int"),
    "books": columns("id:int|org:owner|memo:text*|amount:numeric|entry:jsonb*"),
    "mails": columns("id:int|org:tenant|mail:found*"),
}
# Whose rows no column of theirs tells apart.
UNORDERED = ("all_texts", "deeper", "mails")
