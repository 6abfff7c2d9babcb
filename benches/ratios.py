"""Records of one run, and what is made of them: medians with their spread, and ratios within a round."""
import statistics
from dataclasses import dataclass


@dataclass
class Spread:
    median: float
    least: float
    most: float
    count: int

    @staticmethod
    def of(values):
        values = sorted(values)
        return Spread(statistics.median(values), values[0], values[-1], len(values)) if values else None


class Records:
    def __init__(self, records):
        self.records = records

    def find(self, **what):
        return [record for record in self.records if all(record.get(key) == value for key, value in what.items())]

    def names(self, key, **what):
        """In the order of their first appearance."""
        return list(dict.fromkeys(record[key] for record in self.find(**what)))

    def spread(self, number, **what):
        return Spread.of([record[number] for record in self.find(**what) if number in record])

    def ratio(self, number, ours, theirs, **what):
        """Of the two in the same round, which shared whatever else the machine did."""
        by_round = [{record["round"]: record[number] for record in self.find(program=name, **what) if number in record}
                    for name in (ours, theirs)]
        return Spread.of([by_round[0][round_] / by_round[1][round_] for round_ in by_round[0]
                          if by_round[1].get(round_)])

    def quotient(self, above, below, **what):
        """Of two numbers of the same record."""
        return Spread.of([record[above] / record[below] for record in self.find(**what)
                          if above in record and record.get(below)])
