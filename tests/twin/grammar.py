"""Random statements over the twin schema. The same seed gives the same statements."""
from reads import Reads
from writes import Writes


class Grammar(Reads, Writes):
    def statement(self):
        made = self.select() if self.chance(0.45) else self.write()
        return self.numbered(made)
