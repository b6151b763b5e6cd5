"""How cost grows: with connections, lobbies, players in a lobby, bytes of a message, shards.

The generator of the bench of all peers against Parlor's contract server, rawtcp beside it as the
limit; rounds are interleaved. One plot each: cost per unit, so that a flat line is linear growth.
Messages per second are kept about the same along an axis, so that the load is too; but no lobby
ticks more than 100 times a second, so that few players have fewer.
"""

import json
import os
import subprocess
from dataclasses import dataclass

import svg
from places import OUT, RELEASE, SUITE, read_lines, say, spread
from suite import GENERATOR

RESULTS = OUT / "scale.jsonl"
PLOTS = OUT / "plots"
PER_SECOND = 20_000
CONTRACT = str(RELEASE / "contract")
RAWTCP = str(SUITE / "peers" / "rust" / "target" / "release" / "rawtcp")
BOTH = {"Parlor": ("sio", CONTRACT), "rawtcp": ("raw", RAWTCP)}


@dataclass
class Axis:
    name: str
    title: str
    x_label: str
    #: x → arguments of the generator
    points: dict
    key: str = "cpu_s_per_m"
    y_label: str = "CPU s per million delivered"


def tick(lobbies, players, size=200, most_hz=100, per_second=PER_SECOND):
    hz = min(most_hz, per_second / (lobbies * players))
    return (f"tick --lobbies {lobbies} --players {players} --hz {hz:.6g} --bytes {size} "
            "--warm 2 --secs 4")


CONNECTIONS = (1000, 5000, 15_000)
CONNECTS = {n: f"connect --conns {n}" for n in CONNECTIONS}
AXES = [
    Axis("connections", "A message, by connections (lobbies of 4, 20,000 messages/s)",
         "connections", {n: tick(n // 4, 4) for n in CONNECTIONS}),
    Axis("connecting", "Connecting, by connections", "connections", CONNECTS,
         "cpu_s_per_1k_conn", "CPU s per 1,000 connections"),
    Axis("memory", "Memory, by connections", "connections", CONNECTS,
         "rss_kib_per_conn", "KiB per idle connection"),
    Axis("lobbies", "A message, by lobbies (one player each)", "lobbies",
         {n: tick(n, 1) for n in (10, 100, 1000, 10_000)}),
    Axis("players", "A message, by players in a lobby (7 lobbies)", "players in a lobby",
         {n: tick(7, n) for n in (2, 20, 200, 2000)}),
    Axis("bytes", "A message, by its size (250 lobbies of 4)", "bytes",
         {n: tick(250, 4, n, 20, min(PER_SECOND, 100_000_000 / n))
          for n in (50, 200, 1000, 4000, 16_000, 64_000)}),
]
SHARDS = {
    "1 shard on one core": ("0", 1),
    "2 shards on one core": ("0", 2),
    "2 shards on both cores, one of them the generator's": ("0,1", 2),
}
SHARD_COST = "CPU s per million delivered, 250 × 4"
SHARD_RUNS = {
    SHARD_COST: (tick(250, 4), "cpu_s_per_m"),
    "CPU s per million echoes": ("echo-sat --conns 200 --warm 1 --secs 3", "cpu_s_per_m"),
    "echoes per second (wall clock)": ("echo-sat --conns 200 --warm 1 --secs 3", "events_per_s"),
}


def measure(rounds, most_files):
    RESULTS.unlink(missing_ok=True)
    for r in range(rounds):
        say(f"scale: round {r + 1} of {rounds}")
        done = set()
        for axis in AXES:
            for x, arguments in axis.points.items():
                if arguments in done or n_connections(arguments) + 200 > most_files:
                    continue
                done.add(arguments)
                for label, (protocol, command) in turned(BOTH, r):
                    keep(arguments, label, r, protocol, command)
        for label, (cores, n_shards) in turned(SHARDS, r):
            command = f"taskset -c {cores} env SHARDS={n_shards} {CONTRACT}"
            for arguments in dict.fromkeys(run for run, _ in SHARD_RUNS.values()):
                keep(arguments, label, r, "sio", command)


def turned(choices, r):
    """The choices, begun with another one each round."""
    items = list(choices.items())
    return items[r % len(items):] + items[:r % len(items)]


def n_connections(arguments):
    words = arguments.split()
    options = dict(zip(words[1::2], map(float, words[2::2])))
    return options.get("--conns") or options["--lobbies"] * options["--players"]


def keep(arguments, label, r, protocol, command):
    said = subprocess.run(
        [GENERATOR, *arguments.split(), "--label", label, "--proto", protocol,
         "--server", command],
        capture_output=True, text=True, check=False, timeout=180)
    run = json.loads(said.stdout.strip().split("\n")[-1] or "{}")
    run |= {"arguments": arguments, "label": label, "round": r}
    with RESULTS.open("a") as file:
        file.write(json.dumps(run) + "\n")
    cost = run.get("cpu_s_per_m") or run.get("cpu_s_per_1k_conn")
    print(f"r{r} {arguments:76} {label:12} {cost} {run.get('error', '')}", flush=True)


def values(runs, arguments, label, key):
    return [run[key] for run in runs
            if run["arguments"] == arguments and run["label"] == label
            and run.get("ok") == 1 and run.get(key) is not None]


def markdown():
    """Writes the plots; says what they show."""
    runs = read_lines(RESULTS)
    PLOTS.mkdir(parents=True, exist_ok=True)
    lines = []
    for axis in AXES:
        series = {}
        for label in BOTH:
            points = [(x, values(runs, arguments, label, axis.key))
                      for x, arguments in axis.points.items()]
            points = [(x, ys) for x, ys in points if ys]
            if points:
                series[label] = points
        if "Parlor" not in series:
            continue
        picture = svg.plot(axis.title, axis.x_label, axis.y_label, series)
        (PLOTS / f"{axis.name}.svg").write_text(picture)
        lines += [f"![{axis.title}](plots/{axis.name}.svg)", "", table(axis, series), ""]
    arguments, key = SHARD_RUNS[SHARD_COST]
    shards = {}
    for label, (cores, n_shards) in SHARDS.items():
        ys = values(runs, arguments, label, key)
        if ys:
            shards.setdefault(f"on core {cores}", []).append((n_shards, ys))
    if shards:
        title = "A message, by shards (250 lobbies of 4)"
        picture = svg.plot(title, "shards", "CPU s per million delivered", shards)
        (PLOTS / "shards.svg").write_text(picture)
        lines += [f"![{title}](plots/shards.svg)", ""]
    lines += [f"| {' | '.join(['', *SHARDS])} |", "|---" * (len(SHARDS) + 1) + "|"]
    for what, (arguments, key) in SHARD_RUNS.items():
        cells = [spread(values(runs, arguments, label, key)) for label in SHARDS]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    waits = [run["server_wait_pct"] for run in runs if run.get("server_wait_pct") is not None]
    lines += ["", f"Servers waited for their core {spread(waits)} % of the time."]
    return "\n".join(lines)


def table(axis, series):
    xs = [x for x, _ in series["Parlor"]]
    lines = [f"| {axis.x_label} | {' | '.join(f'{x:,}' for x in xs)} |", "|---" * (len(xs) + 1) + "|"]
    for label, points in series.items():
        ys = dict(points)
        lines.append(f"| {label} | {' | '.join(spread(ys.get(x, [])) for x in xs)} |")
    if "rawtcp" in series and axis.key == "cpu_s_per_m":
        base = {x: sorted(ys) for x, ys in series["rawtcp"]}
        ratios = [sorted(ys)[len(ys) // 2] / base[x][len(base[x]) // 2] if x in base else None
                  for x, ys in series["Parlor"]]
        cells = ["–" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
        lines.append(f"| Parlor ÷ rawtcp | {' | '.join(cells)} |")
    return "\n".join(lines)
