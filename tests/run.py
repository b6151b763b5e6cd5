"""Runs the proofs that need a running server: starts what they talk to, runs them, ends it.

    python tests/run.py [--release] conformance clients views openings=300 players browser autobahn

Servers listen on a free port of 127.0.0.1, say where, and are ended by their process id.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
INTEROP = ROOT / "tests" / "interop"
TIMERS = ["--ping-interval", "300", "--ping-timeout", "200",
          "--connect-timeout", "1500", "--max-payload", "1000000"]
ORIGIN = "http://suite.example"


class Server:
    """A process that says where it listens."""

    def __init__(self, command, pattern):
        self.process = subprocess.Popen(
            [str(part) for part in command], cwd=ROOT, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        # Ends the wait for the line below if the server never says anything.
        watchdog = threading.Timer(20, self.process.kill)
        watchdog.start()
        self.url = None
        for line in self.process.stdout:
            found = re.search(pattern, line)
            if found:
                self.url = f"http://{found.group(1)}"
                break
        watchdog.cancel()
        if self.url is None:
            raise SystemExit(f"{command[0]} did not start")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Runner:
    def __init__(self, profile):
        self.bin = ROOT / "target" / profile
        self.failed = []

    def fixture(self, *flags):
        return Server([self.bin / "fixture", "--port", "0", *flags], r"READY (\S+)")

    def parlor(self):
        flags = ["--server-port", "0", "--log-level", "warn",
                 "--limits-max-connections-per-address", "0",
                 "--limits-max-sessions-per-address", "0"]
        return Server([self.bin / "parlor", "dev", *flags], r"demo site\s+http://([^/]+)/")

    def run(self, name, *command, **options):
        print(f"-- {name}", flush=True)
        start = time.monotonic()
        code = subprocess.run([str(part) for part in command], cwd=ROOT, **options).returncode
        print(f"-- {name}: {'ok' if code == 0 else 'FAILED'}, {time.monotonic() - start:.1f} s",
              flush=True)
        if code != 0:
            self.failed.append(name)

    def conformance(self):
        with self.fixture("--app", "engine", *TIMERS) as server:
            self.run("Engine.IO conformance", "node", INTEROP / "engine.mjs", "--url", server.url)
        with self.fixture("--app", "engine", "--cors", ORIGIN, *TIMERS) as server:
            self.run("Engine.IO conformance with CORS", "node", INTEROP / "engine.mjs",
                     "--url", server.url, "--cors", ORIGIN)
        with self.fixture("--app", "socket", *TIMERS) as server:
            self.run("Socket.IO conformance", "node", INTEROP / "socket.mjs", "--url", server.url)

    def clients(self):
        with self.fixture() as server:
            self.run("socket.io-client", "node", INTEROP / "clients.mjs", "--url", server.url)
            self.run("python-socketio", sys.executable, INTEROP / "python_clients.py",
                     "--url", server.url)

    def views(self):
        with self.parlor() as server:
            self.run("views and ticks", "node", INTEROP / "views.mjs", "--url", server.url)

    def openings(self, count):
        with self.parlor() as server:
            self.run(f"{count} openings, white by JavaScript, black by Python", "node",
                     INTEROP / "openings.mjs", "--url", server.url, "--count", count,
                     "--python", sys.executable)

    def players(self):
        with self.parlor() as server:
            self.run("two native players", self.bin / "parlor-player", "--server", server.url,
                     "--both", "--quiet")

    def browser(self):
        out = ROOT / "tests" / "out"
        out.mkdir(exist_ok=True)
        with self.parlor() as server:
            self.run("two tabs in Chromium", "node", ROOT / "tests" / "browser" / "two-tabs.mjs",
                     "--url", server.url, "--out", out)

    def autobahn(self):
        python = python2()
        site = ROOT / "target" / "autobahn" / "site"
        if not (site / "autobahntestsuite").exists():
            self.run("autobahntestsuite from PyPI", python, "-m", "pip", "install", "--quiet",
                     "--target", site, "autobahntestsuite==0.8.2")
        out = ROOT / "target" / "autobahn" / "reports"
        with Server([self.bin / "wsecho", "0"], r"READY (\S+)") as server:
            spec = {
                "outdir": str(out),
                "servers": [{"agent": "parlor", "url": server.url.replace("http", "ws")}],
                "cases": ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"],
                "exclude-cases": [],
            }
            path = ROOT / "target" / "autobahn" / "spec.json"
            path.write_text(json.dumps(spec))
            # A folder of packages that is no environment of its own has to be added by hand.
            call = f"import site; site.addsitedir({str(site)!r}); " \
                   "from autobahntestsuite.wstest import run; run()"
            self.run("Autobahn", python, "-c", call, "--mode", "fuzzingclient", "--spec", path,
                     stdout=subprocess.DEVNULL)
        results = json.loads((out / "index.json").read_text())["parlor"]
        fine = ("OK", "NON-STRICT", "INFORMATIONAL")
        bad = {case: said for case, said in results.items()
               if said["behavior"] not in fine or said["behaviorClose"] not in fine}
        for case, said in bad.items():
            print(f"FAIL case {case}: {said['behavior']}, close {said['behaviorClose']}")
        loose = [case for case, said in results.items() if said["behavior"] == "NON-STRICT"]
        print(f"not strict, as allowed: {', '.join(loose) or 'none'}")
        print(f"{len(results) - len(bad)} passed, {len(bad)} failed")
        if bad:
            self.failed.append("Autobahn cases")


def python2():
    """CPython 2.7, which Autobahn's suite was written for."""
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    known = [os.environ.get("PYTHON2"), shutil.which("python2.7"),
             *sorted(pyenv.glob("versions/2.7*/bin/python"))]
    for candidate in filter(None, known):
        # A shim may be there without what it stands for.
        if subprocess.run([candidate, "-c", "1"], stderr=subprocess.DEVNULL).returncode == 0:
            return candidate
    raise SystemExit("Autobahn needs CPython 2.7: name it in the variable PYTHON2")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", action="store_true", help="use the release build")
    parser.add_argument("proofs", nargs="+")
    options = parser.parse_args()
    os.chdir(ROOT)
    runner = Runner("release" if options.release else "debug")
    for proof in options.proofs:
        name, _, argument = proof.partition("=")
        getattr(runner, name)(*([argument] if argument else []))
    for name in runner.failed:
        print(f"FAILED: {name}")
    sys.exit(1 if runner.failed else 0)


if __name__ == "__main__":
    main()
