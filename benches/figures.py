"""Which plots there are: one a workload with wall and processor time, and one each for conditions, decoding and delays."""
import plot
from peers import OURS


def bar(name, spread):
    return (name, spread.median, spread.least, spread.most)


def group(records, number, names, **what):
    found = [(name, records.spread(number, program=name, **what)) for name in names]
    return [bar(name, spread) for name, spread in found if spread]


def order(records, **what):
    """Ours last."""
    return sorted(records.names("program", **what), key=lambda name: (name.startswith(OURS), -len(name)))


def workload(records, name):
    panels = []
    for number, title in (("wall", "wall time"), ("cpu", "client's processor time")):
        groups = []
        for where in records.names("where", section="throughput", workload=name):
            what = {"section": "throughput", "where": where, "workload": name}
            groups.append((where, group(records, number, order(records, **what), **what)))
        panels.append((title, "s", groups))
    return plot.panels(f"Catching up: {name}", panels)


def conditions(records):
    groups = []
    for where in records.names("where", section="conditions"):
        for name in records.names("workload", section="conditions", where=where):
            what = {"section": "conditions", "where": where, "workload": name}
            groups.append((f"{where}: {name}", group(records, "wall", order(records, **what), **what)))
    return plot.panels("Other conditions", [("wall time", "s", groups)])


def decoding(records):
    groups = []
    for shape in records.names("workload", section="decode"):
        found = [(name, records.spread(way, section="decode", workload=shape)) for name, way in (
            ("pg_walstream's parser", "parse"), ("walk", "walk"), ("walstream, session", "session"), ("walstream, decode", "decode"))]
        groups.append((shape, [bar(name, spread) for name, spread in found if spread]))
    return plot.panels("Decoding alone, a message", [("time", "ns", groups)])


def delays(records):
    panels = []
    for number in ("p50", "p99"):
        groups = [(load, group(records, number, ["bare libpq", OURS], section="delays", where=load))
                  for load in records.names("where", section="delays")]
        panels.append((number, "µs", groups))
    return plot.panels("From commit to host", panels)


def figures(records):
    """(name, title, SVG)"""
    for name in records.names("workload", section="throughput"):
        yield name, f"Catching up: {name}", workload(records, name)
    for section, title, draw in (("conditions", "Other conditions", conditions), ("decode", "Decoding alone", decoding),
                                 ("delays", "From commit to host", delays)):
        if records.find(section=section):
            yield section, title, draw(records)
