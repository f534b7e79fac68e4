"""How a run went: what was served and what was refused, by construct."""
import re
from collections import Counter
from dataclasses import dataclass, field

from tables import PROTECTED, TABLES, VIEWS

NAMES = "|".join([*VIEWS, *(TABLES[name].name.strip('"') for name in PROTECTED), "people", r"events_\w+", r"parts_\w+"])

# By what stands in the text; a statement counts for each that it has.
CONSTRUCTS = {
    name: re.compile(pattern, re.DOTALL) for name, pattern in {
        "SELECT": r"\bSELECT\b", "INSERT": r"\bINSERT INTO\b", "UPDATE": r"\bUPDATE \S+ (?:AS |u )?.*?SET\b", "DELETE": r"\bDELETE FROM\b", "MERGE": r"\bMERGE INTO\b", "TABLE": r"\bTABLE (?:ONLY )?[a-z\"]",
        "VALUES in FROM": r"\(VALUES ", "JOIN": r" JOIN ", "LATERAL": r"\bLATERAL\b", "WITH": r"\bWITH \w", "WITH RECURSIVE": r"\bRECURSIVE\b", "write in WITH": r"\bAS (?:NOT )?(?:MATERIALIZED )?\((?:INSERT|UPDATE|DELETE|MERGE)\b",
        "UNION ALL": r"\bUNION ALL\b", "UNION, INTERSECT, EXCEPT": r"\b(?:UNION (?!ALL)|INTERSECT|EXCEPT)\b", "DISTINCT": r"\bSELECT DISTINCT (?!ON)", "DISTINCT ON": r"\bDISTINCT ON\b", "GROUP BY": r"\bGROUP BY\b",
        "GROUPING SETS": r"\b(?:GROUPING SETS|ROLLUP|CUBE)\b", "window": r"\bOVER (?:w\b|\()", "FILTER": r"\bFILTER \(", "subquery": r"\(SELECT\b", "row lock": r"\bFOR (?:UPDATE|SHARE|NO KEY|KEY SHARE)", "CASE": r"\bCASE\b",
        "COALESCE": r"\bcoalesce\(", "NULLIF": r"\bnullif\(", "JSON made": r"\b(?:row_to_json|to_jsonb?|jsonb?_build_\w+|jsonb?_agg|jsonb?_object_agg\w*)\(", "JSON made in JSON": r"\bjsonb?_(?:build_\w+|agg)\([^()]*\bjsonb?_(?:build_\w+|agg)\(",
        "SQL/JSON": r"\bJSON_[A-Z]+\(", "JSON taken apart": r"->|\bjsonb?_(?:each|array_elements|object_keys)", "members by their keys": r"_each\w*\(.* WHERE (?:\w\.)?k(?:ey)? ", "JSON to columns": r"_to_record(?:set)?\(", "array": r"\bARRAY\[|\barray_\w+\(|ARRAY\(", "unnest": r"\bunnest\(", "array parameter": r"unnest\([^)]*\$\d+::\w+\[\]", "UPDATE from arrays": r"\bUPDATE \S+ SET \S+ = f\.v FROM unnest\(", "record": r"\bROW\(|\(\w+\)\.", "text joined": r"\|\||\bconcat|\bformat\(|\bstring_agg\(",
        "ON CONFLICT DO NOTHING": r"\bDO NOTHING\b", "ON CONFLICT DO UPDATE": r"\bDO UPDATE SET\b", "RETURNING": r"\bRETURNING (?!jsonb|text\b)", "RETURNING old, new": r"\bRETURNING\b.*\b(?:old|new|o|nw)\.", "UPDATE FROM": r"\bUPDATE\b.* FROM \S+ f\b",
        "DELETE USING": r"\bDELETE FROM \S+(?: u)? USING\b", "SET (a, b) =": r"\bSET \([^)]*\) =", "INSERT SELECT": r"\bINSERT INTO .*?SELECT\b", "WHERE CURRENT OF": r"\bCURRENT OF\b", "view": rf"\b(?:{'|'.join(VIEWS)})\b",
        "view made for it": r"^CREATE VIEW made|/ (?:SELECT|TABLE) .*\bmade\b", "partitions": r"\b(?:events|parts)\w*\b", "inheritance": r"\bstaff\b|\bONLY people\b", "search": r"\b(?:accounts|contacts|mails)\b", "integer tenant": r"\b(?:ledgers|books)\b", "parent of a parent": r"\b(?:replies|thread\w*)\b", "tenant by parent": r"\bnotes\b", "tenant by setting": r"\btokens\b", "constant tenant": r"\bconstants\b",
        "COPY TO": r"^COPY .* TO STDOUT", "COPY FROM": r"^COPY .* FROM STDIN", "COPY of a query": r"^COPY \(", "COPY binary": r"^COPY .*\(FORMAT binary\)", "COPY csv": r"^COPY .*(?i:csv)", "MERGE RETURNING": r"\bMERGE INTO .*RETURNING (?:m|merge|s)",
        "cursor that scrolls": r"\bSCROLL CURSOR|/ (?:FETCH|MOVE) (?:PRIOR|BACK|FIRST|LAST|ABS|REL|-)", "cursor WITH HOLD": r"\bWITH HOLD\b", "plain tables only": rf"^(?!.*(?<!other\.)\b(?:{NAMES})\b)",
    }.items()
}
# Of a construct that came so often not all may have been refused.
ENOUGH = 20
OUTCOMES = ("served", "error", "refused", "no tenant")


@dataclass
class Tally:
    """`by` is counted by (name, outcome), where the name is that of a way to send or of a construct."""

    counts: Counter = field(default_factory=Counter)
    by: Counter = field(default_factory=Counter)
    anchors: Counter = field(default_factory=Counter)
    errors: Counter = field(default_factory=Counter)
    examples: dict = field(default_factory=dict)

    def note(self, way, told, outcome):
        self.counts[outcome] += 1
        self.by[f"sent by {way}", outcome] += 1
        for name, pattern in CONSTRUCTS.items():
            if pattern.search(told):
                self.by[name, outcome] += 1

    def refused(self, anchor, told):
        self.anchors[anchor] += 1
        self._example(anchor, told)

    def _example(self, anchor, told):
        kept = self.examples.setdefault(anchor, [])
        if len(kept) < 200:
            kept.append(told)

    def add(self, other):
        for mine, theirs in ((self.counts, other.counts), (self.by, other.by), (self.anchors, other.anchors), (self.errors, other.errors)):
            mine.update(theirs)
        for anchor, examples in other.examples.items():
            for told in examples:
                self._example(anchor, told)

    def refusals(self):
        """The share of what pgseal refused."""
        refused = self.counts["refused"] + self.counts["no tenant"]
        return refused / max(1, refused + self.counts["served"] + self.counts["error"])

    def never_served(self):
        """The names that came often and of which nothing was served."""
        names = {name for name, _ in self.by}
        return sorted(name for name in names if not self.by[name, "served"] and sum(self.by[name, outcome] for outcome in OUTCOMES) >= ENOUGH)

    def table(self):
        """One line for each name: how many of its cases were served, failed on both sides, or were refused."""
        names = sorted({name for name, _ in self.by}, key=lambda name: (not name.startswith("sent by"), name))
        yield f"{'':28}" + "".join(f"{outcome:>10}" for outcome in OUTCOMES)
        for name in names:
            yield f"{name:28}" + "".join(f"{self.by[name, outcome]:10}" for outcome in OUTCOMES)

    def summary(self):
        counts = ", ".join(f"{self.counts[name]:,} {name}" for name in ("cases", "served", "error", "refused", "no tenant", "told at another time", "unread", "different", "values") if self.counts[name])
        return f"{counts}; {self.refusals():.1%} refused"
