"""Where the measurements live, what machine they were taken on, and how rounds are compared."""

import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "target" / "bench"
RELEASE = ROOT / "target" / "release"
SUITE = OUT / "suite"


def say(text):
    print(f"== {text}", flush=True)


def raise_file_limit():
    """As many open files as this machine allows: one for each connection, at either end."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def machine():
    """One line each: machine, commit, date."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")),
                 platform.machine())
    return [f"Machine: {model}, {os.cpu_count()} cores, Linux {platform.release()}.",
            f"Commit: {commit()}, {first_line('rustc', '--version')}.",
            f"Date: {time.strftime('%Y-%m-%d')}."]


def commit():
    name = first_line("git", "rev-parse", "--short", "HEAD")
    changed = first_line("git", "status", "--porcelain", "--untracked-files=no")
    return f"{name} with changes" if changed else name


def first_line(*command):
    try:
        said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    except FileNotFoundError:
        return ""
    return said.stdout.strip().split("\n")[0]


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def figure(value):
    """Three digits that count."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values, write=figure):
    """`median (least–greatest)`; a dash if there are none."""
    if not values:
        return "–"
    middle = write(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({write(min(values))}–{write(max(values))})"
