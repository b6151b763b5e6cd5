"""The bench of all peers: a copy of it that can be built and run, and its interleaved rounds.

It lies beside the repository (`../shared/bench`, or BENCH_SUITE) and may be read-only, so it is
copied to target/bench/suite once. Without it there is no comparison.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import idle
import table
from places import OUT, RELEASE, ROOT, SUITE, read_lines, say

RESULTS = OUT / "peers.jsonl"
GENERATOR = SUITE / "sioload" / "target" / "release" / "sioload"
SERVERS = "parlor,node,bun,sioxide,rawtcp"
# Beside these only the idle row names bun.
WITHOUT_BUN = "parlor,node,sioxide,rawtcp"


def prepare():
    """Copies and builds; False if there is nothing to copy."""
    source = pathlib.Path(os.environ.get("BENCH_SUITE", ROOT.parent / "shared" / "bench"))
    if not SUITE.exists():
        if not (source / "run.py").exists():
            say(f"no comparison with other servers and no scale: {source} is not here")
            return False
        say(f"copying {source}")
        shutil.copytree(source, SUITE, copy_function=shutil.copyfile,
                        ignore=shutil.ignore_patterns("target", "node_modules", "results"))
        for folder in [SUITE, *(path for path in SUITE.rglob("*") if path.is_dir())]:
            folder.chmod(0o755)
        # Below this repository they would be taken for members of its workspace.
        for manifest in SUITE.rglob("Cargo.toml"):
            manifest.write_text(manifest.read_text() + "\n[workspace]\n")
    say("building the generator and the other servers")
    for crate in ["sioload", "peers/rust"]:
        build(SUITE / crate)
    for peer in ["node", "bun"]:
        folder = SUITE / "peers" / peer
        if not (folder / "node_modules").exists():
            subprocess.run(["npm", "install", "--no-fund", "--no-audit"], cwd=folder, check=True)
    return True


def build(crate):
    """Its warnings are not ours to show."""
    said = subprocess.run(["cargo", "build", "--release"], cwd=crate, stderr=subprocess.PIPE,
                          text=True, check=False)
    if said.returncode != 0:
        raise SystemExit(f"{crate}:\n{said.stderr}")


def compare(rounds, scenarios, servers):
    """Rounds of all scenarios and servers; more of those of which too many rounds were void."""
    RESULTS.unlink(missing_ok=True)
    names = scenarios.split(",") if scenarios else list(table.SCENARIOS)

    def wanted(name):
        """Half a minute of slow readers says the same each time, and no ratio comes of it."""
        return min(rounds, 3) if name.startswith("slow") else rounds

    for r in range(2 * rounds):
        short = [name for name in names
                 if r < wanted(name) or table.n_fine(read_lines(RESULTS), name) < wanted(name)]
        if not short:
            break
        say(f"round {r + 1} of {rounds}" if r < rounds else f"more of what was void: {short}")
        for name in short:
            verb = "idle" if name.startswith("idle") else "run"
            default = SERVERS if verb == "idle" else WITHOUT_BUN
            run(verb, "--rounds", 1, "--first", r, "--scenarios", name,
                "--servers", servers or default, "--out", RESULTS)


def run(*arguments):
    environment = {**os.environ, "PARLOR_BENCH": str(RELEASE / "contract")}
    command = [sys.executable, SUITE / "run.py", *map(str, arguments)]
    if arguments[0] == "idle":
        idle.run(command, environment, GENERATOR, RESULTS)
    else:
        subprocess.run(command, env=environment, check=True)
