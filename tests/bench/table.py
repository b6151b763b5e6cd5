"""JSON lines of the bench of all peers → the table of goals, in Markdown.

    python3 tests/bench/table.py [target/bench/peers.jsonl]

A ratio is the median of the ratios within each round, with least and greatest. A pair of runs is
void if either server waited for its core for over 2 % of the time. A rate (wall clock) is void too
if the generator used over 90 % of its core; CPU time per unit is not: it does not depend on it.
"""

import pathlib
import statistics
import sys
from dataclasses import dataclass

from places import OUT, figure, read_lines, spread

SERVERS = ["parlor", "node", "bun", "sioxide", "rawtcp"]
#: Those that speak all of Socket.IO.
PEERS = SERVERS[1:-1]
MAX_WAIT_PCT = 2
MAX_GENERATOR_PCT = 90
# What waits for a slow reader: limits.max_queue_bytes and its session, for 5 stalled ones; of
# volatile states one frame begun and one that is kept.
RELIABLE_MIB = 5 * (1024 + 16) / 1024
VOLATILE_MIB = 5 * (2 * 4 + 16) / 1024


@dataclass
class Row:
    scenario: str
    title: str
    key: str
    #: The server that the goal is a multiple of; None: the goal is a figure.
    base: str | None = None
    goal: float | None = None
    at_least: bool = False
    is_rate: bool = False

    def is_reached(self, value):
        return value >= self.goal if self.at_least else value <= self.goal

    def goal_text(self):
        if self.goal is None:
            return "–"
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {self.goal:.3g}" + (f" × {self.base}" if self.base else "")


COST = "cpu_s_per_m"
ROWS = [
    Row("tick-250x4", "tick broadcast, 250 lobbies × 4, 200 B", COST, "rawtcp", 1.15),
    Row("tick-1x1000", "tick broadcast, 1 × 1000", COST, "rawtcp", 1.15),
    Row("tick-1000x4", "tick broadcast, 1000 × 4 at 20 Hz", COST, "rawtcp", 1.15),
    Row("tick-100x10", "tick broadcast, 100 × 10 at 30 Hz", COST, "rawtcp", 1.15),
    Row("input", "inputs received (62 B JSON, decoded)", COST, "rawtcp", 1.3),
    Row("echo-sat", "ack echo at saturation", COST, "rawtcp", 1.3),
    Row("echo-light", "ack echo, 1,000 a second", COST, "rawtcp"),
    Row("relay", "relay one to one, 480 B", COST, "rawtcp", 1.2),
    Row("brelay", "binary relay, 1 KiB", COST, "rawtcp", 1.4),
    Row("poll", "polling requests per CPU second", "reqs_per_cpu_s", "sioxide", 1.3, True),
    Row("connect-5k", "connect, CPU s per 1,000 (5,000)", "cpu_s_per_1k_conn", None, 0.04),
    Row("connect-10k", "memory per idle connection, KiB (10,000)", "rss_kib_per_conn", None, 2),
    Row("idle-5k", "idle CPU % with 5,000, pings sent", "idle_cpu_pct", "bun", 1),
    Row("idle-5k", "– of the whole process, ended threads too", "idle_process_cpu_pct", "bun", 1),
    Row("slow-4k", "5 stalled, 4 KiB × 100 Hz, 30 s: memory growth, MiB", "rss_growth_mib", None,
        RELIABLE_MIB),
    Row("slow-4k", "– of them cut", "stalled_closed", None, 5, True),
    Row("slow-4k", "– share that the others got", "delivered_frac_others", None, 0.999, True),
    Row("slow-4k-volatile", "the same, volatile: memory growth, MiB", "rss_growth_mib", None,
        VOLATILE_MIB),
    Row("slow-4k-volatile", "– of them cut", "stalled_closed", None, 5, True),
    Row("slow-4k-volatile", "– share that the others got", "delivered_frac_others", None, 0.999,
        True),
    Row("ramp-2000x4", "delivered/s before lateness p99 passes one tick (wall clock)",
        "max_delivered_per_s", "sioxide", 1.4, True, True),
    Row("*", "cold start to listening, ms", "cold_ms", None, 15),
]
SCENARIOS = dict.fromkeys(row.scenario for row in ROWS if row.scenario != "*")


def is_fine(run, row):
    """A run that counts."""
    wait = run.get("server_wait_pct") or 0
    generator = run.get("gen_cpu_pct") or run.get("gen_cpu_pct_at_max") or 0
    is_driven = not row.is_rate or generator <= MAX_GENERATOR_PCT
    return run.get("ok") == 1 and run.get(row.key) is not None and wait <= MAX_WAIT_PCT and is_driven


def runs_of(runs, row):
    return [run for run in runs if row.scenario in ("*", run["scenario"])]


def by_round(runs, row, server):
    found = {}
    for run in runs_of(runs, row):
        if run["label"] == server and is_fine(run, row):
            found.setdefault(run["round"], []).append(run[row.key])
    return {number: statistics.median(values) for number, values in found.items()}


def pairs(runs, row):
    """Parlor's figure over the base's (its own if there is no base), for each round that counts;
    and how many do not."""
    ours = by_round(runs, row, "parlor")
    theirs = by_round(runs, row, row.base) if row.base else dict.fromkeys(ours, 1)
    rounds = {run["round"] for run in runs_of(runs, row)}
    fine = [ours[r] / theirs[r] for r in sorted(ours) if theirs.get(r)]
    return fine, len(rounds) - len(fine)


def n_fine(runs, scenario):
    """Rounds of a scenario that count in all of its rows whose base takes part."""
    labels = {run["label"] for run in runs} | {None}
    rows = [row for row in ROWS if row.scenario == scenario and row.base in labels]
    return min((len(pairs(runs, row)[0]) for row in rows), default=len(runs))


def line(runs, row):
    cells = []
    for server in SERVERS:
        values = [run[row.key] for run in runs_of(runs, row)
                  if run["label"] == server and is_fine(run, row)]
        mark = ""
        if not values:
            values = [run[row.key] for run in runs_of(runs, row)
                      if run["label"] == server and run.get(row.key) is not None]
            mark = "≈ " if values else ""
        failed = sum(run["label"] == server and run.get("ok") != 1 for run in runs_of(runs, row))
        cells.append(mark + spread(values) + (f", {failed} failed" if failed else ""))
    fine, n_void = pairs(runs, row)
    ratio = spread(fine, lambda value: f"{value:.2f}") if row.base else "–"
    counted = f"{len(fine)}" + (f" ({n_void} void)" if n_void else "")
    reached = "–"
    if row.goal is not None and fine:
        reached = "yes" if row.is_reached(statistics.median(fine)) else "**no**"
    said = [ratio, counted, row.goal_text(), reached, against_peers(runs, row)]
    return f"| {row.title} | {' | '.join([*cells, *said])} |"


def against_peers(runs, row):
    """The median of the ratios within each round to the best of those that speak all of it."""
    ours = by_round(runs, row, "parlor")
    best = max if row.at_least else min
    theirs = {}
    for server in PEERS:
        for number, value in by_round(runs, row, server).items():
            theirs.setdefault(number, []).append(value)
    ratios = [ours[r] / best(theirs[r]) for r in ours if theirs.get(r) and best(theirs[r]) > 0]
    return f"{statistics.median(ratios):.2f}" if ratios else "–"


def markdown(runs):
    head = ["CPU s per million, unless said", *SERVERS, "Parlor ÷ base", "rounds", "goal", "reached",
            "Parlor ÷ best peer"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += [line(runs, row) for row in ROWS if runs_of(runs, row)]
    if any("≈" in line for line in lines):
        lines += ["", f"≈: in each run the server waited for its core for over {MAX_WAIT_PCT} % of the time, as one "
                  "does whose own threads compete for it, or failed."]
    saturated = [run for run in runs if (run.get("gen_cpu_pct") or 0) > MAX_GENERATOR_PCT]
    names = sorted({f"{run['scenario']} with {run['label']}" for run in saturated})
    if names:
        lines += ["", f"The generator used over {MAX_GENERATOR_PCT} % of its core in "
                  f"{len(saturated)} runs ({', '.join(names)}): their wall-clock figures are the "
                  "generator's, their CPU seconds are the server's."]
    waits = [run["server_wait_pct"] for run in runs if run.get("server_wait_pct") is not None]
    if waits:
        lines += ["", f"Servers waited for their core {figure(statistics.median(waits))} % of the "
                  f"time (median; at most {figure(max(waits))} %)."]
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown(read_lines(pathlib.Path((sys.argv[1:] or [OUT / "peers.jsonl"])[0]))))
