"""Measures, and writes target/bench/report.md.

    python3 tests/bench/bench.py [steps] [peers] [slow] [overload] [gathered]
                                   [matchmaker] [scale] [quote]

Without names it does all but `quote`, which puts the report into tests/BENCH.md, between its
marks, and the plots beside it. From the environment: ROUNDS (7), and of the comparison SCENARIOS
and SERVERS, separated by commas. Each part keeps its section until it is measured again.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import outlook
import scale
import suite
import table
from places import OUT, RELEASE, ROOT, machine, raise_file_limit, read_lines, say

SECTIONS = OUT / "sections"
PAGE = ROOT / "tests" / "BENCH.md"
MARKED = re.compile(r"(<!-- report -->\n)(.*)(<!-- end of report -->)", re.DOTALL)
# The order of the report: file's name → heading.
ORDER = {
    "peers": "Beside other servers",
    "scale": "How cost grows",
    "slow": "Slow readers",
    "overload": "Overload",
    "gathered": "Lobbies",
    "matchmaker": "Matchmaker",
    "outlook": "On 16 cores",
    "steps": "One input's journey, nanoseconds per step",
    "instructions": "Instructions per hot step",
}
PARTS = ["steps", "peers", "slow", "overload", "gathered", "matchmaker", "scale"]


def main():
    wanted = sys.argv[1:] or PARTS
    unknown = set(wanted) - {*PARTS, "quote"}
    if unknown:
        raise SystemExit(f"no such part: {', '.join(unknown)}\n{__doc__}")
    most_files = raise_file_limit()
    if most_files < 16_000:
        say(f"only {most_files} open files are allowed: rows with more connections will fail")
    rounds = int(os.environ.get("ROUNDS") or 7)
    SECTIONS.mkdir(parents=True, exist_ok=True)
    broken = []
    for part in PARTS:
        if part in wanted:
            say(part)
            if not PART[part](rounds, most_files):
                broken.append(part)
    page = report()
    (OUT / "report.md").write_text(page)
    say(f"report: {OUT.relative_to(ROOT)}/report.md")
    if "quote" in wanted:
        quote(page)
    if broken:
        raise SystemExit(f"bounds are broken: {', '.join(broken)}")


def steps(rounds, most_files):
    counts = json.loads((ROOT / "tests" / "benches" / "counts.json").read_text())
    rows = [f"| {step} | {count:,} |" for step, count in counts.items()]
    keep("instructions", "\n".join(["| step | instructions |", "|---|---|", *rows]))
    return tool("steps", in_code=True)


def peers(rounds, most_files):
    if suite.prepare():
        suite.compare(rounds, os.environ.get("SCENARIOS"), os.environ.get("SERVERS"))
        runs = read_lines(suite.RESULTS)
        keep("peers", table.markdown(runs))
        keep("outlook", outlook.markdown(runs))
    return True


def slow(rounds, most_files):
    return tool("slow", "slowreaders", "--rounds", min(rounds, 3))


def overload(rounds, most_files):
    return tool("overload", "overload", "--rounds", min(rounds, 5))


def gathered(rounds, most_files):
    return tool("gathered")


def matchmaker(rounds, most_files):
    return tool("matchmaker", "matchmaking")


def grow(rounds, most_files):
    if suite.prepare():
        scale.measure(min(rounds, 3), most_files)
        keep("scale", scale.markdown())
    return True


PART = {"steps": steps, "peers": peers, "slow": slow, "overload": overload, "gathered": gathered,
        "matchmaker": matchmaker, "scale": grow}


def tool(section, program=None, *arguments, in_code=False):
    """Runs one of our measuring clients, away from the server's core; what it says is the section.
    False if it found a bound broken."""
    command = [RELEASE / (program or section), *arguments]
    if (os.cpu_count() or 1) > 1:
        command = ["taskset", "-c", "1", *command]
    said = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                          check=False)
    print(said.stdout, flush=True)
    keep(section, f"```\n{said.stdout.rstrip()}\n```" if in_code else said.stdout.rstrip())
    return said.returncode == 0


def keep(section, text):
    (SECTIONS / f"{section}.md").write_text("  \n".join(machine()) + f"\n\n{text}\n")


def report():
    """What was measured here, and what BENCH.md has of the rest."""
    parts, quoted = [], quoted_sections()
    for name, heading in ORDER.items():
        path = SECTIONS / f"{name}.md"
        text = path.read_text() if path.exists() else quoted.get(heading)
        if text:
            parts.append(f"### {heading}\n\n{text.strip()}")
    return "\n\n".join(parts) + "\n"


def quoted_sections():
    found = MARKED.search(PAGE.read_text())
    sections = found[2].replace("](bench/plots/", "](plots/").split("\n### ")[1:]
    return dict(section.split("\n", 1) for section in sections)


def quote(page):
    text, page = PAGE.read_text(), page.replace("](plots/", "](bench/plots/")
    PAGE.write_text(MARKED.sub(lambda found: f"{found[1]}\n{page}\n{found[3]}", text))
    if scale.PLOTS.exists():
        shutil.copytree(scale.PLOTS, ROOT / "tests" / "bench" / "plots", dirs_exist_ok=True)
    say(f"quoted in {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
