"""Random statements over the twin schema. The same seed gives the same statements."""
from clauses import Clauses
from nesting import Nesting
from reads import Reads
from searches import Searches
from upserts import Upserts
from writes import Writes


class Grammar(Reads, Clauses, Searches, Writes, Upserts, Nesting):
    def statement(self):
        roll = self.rng.random()
        made = self.select() if roll < 0.43 else self.search() if roll < 0.48 else self.write()
        return self.numbered(made)
