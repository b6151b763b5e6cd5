#!/usr/bin/env python3
"""Compares the instructions of the hot steps (counts.rs) with those of the repository (counts.json).

counts.py: fails when a step costs over 10 % more, and tells of one that costs over 10 % less.
counts.py --update: writes what was counted.
"""

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VALUES = HERE / "counts.json"
TOLERANCE = 0.10
# What the functions of counts.rs repeat.
TIMES = {"decode": 100, "whole": 100, "delta": 100, "fan_out": 1000, "ack": 100}


def count():
    command = ["cargo", "bench", "--locked", "-p", "parlor-counts"]
    runner = str(ROOT / "target/tools/bin/gungraun-runner")
    # The same name as the binary was built with: another makes cargo build it anew.
    environment = {"GUNGRAUN_RUNNER": runner, **os.environ}
    run = subprocess.run(
        [*command, "--", "--output-format=json"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True,
    )
    counts = {}
    for line in run.stdout.splitlines():
        if line.startswith("{"):
            step = json.loads(line)
            name = step["function_name"]
            total = step["profiles"][0]["summaries"]["total"]["summary"]
            # `Left`: of this run; `Both`: of this run and of the last.
            metrics = total["Callgrind"]["Ir"]["metrics"]
            this = metrics["Left"] if "Left" in metrics else metrics["Both"][0]
            counts[name] = round(this["Int"] / TIMES[name])
    return counts


def compare(before, now):
    """A row for each step, and the names of those that rose."""
    risen = []
    for name in TIMES:
        if name not in before or name not in now:
            risen.append(name)
            yield f"{name:<8} is {'new' if name in now else 'not counted'}", risen
            continue
        change = now[name] / before[name] - 1
        word = ""
        if change > TOLERANCE:
            risen.append(name)
            word = "  ROSE"
        elif change < -TOLERANCE:
            word = "  fell: make counts-update"
        yield f"{name:<8} {before[name]:>9} {now[name]:>9} {change:>+8.1%}{word}", risen


def main():
    now = count()
    if "--update" in sys.argv[1:]:
        VALUES.write_text(json.dumps(now, indent=2) + "\n")
        print(VALUES.read_text(), end="")
        return
    risen = []
    print(f"{'step':<8} {'values':>9} {'now':>9}   instructions")
    for row, risen in compare(json.loads(VALUES.read_text()), now):
        print(row)
    if risen:
        sys.exit(f"over {TOLERANCE:.0%} more instructions than counts.json says: {', '.join(risen)}")


if __name__ == "__main__":
    main()
