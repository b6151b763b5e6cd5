"""Runs the proofs that need a running server: starts what they talk to, runs them, ends it.

    python tests/run.py [--release] [--shards 3] [--nginx] conformance clients views lobbies openings=300
    python tests/run.py [--release] players browser autobahn

With `--nginx` the clients reach the server through an nginx that keeps one pool of connections
to it, so that the requests of one session land on any shard.

Servers listen on a free port of 127.0.0.1, say where, and are ended by their process id.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
INTEROP = ROOT / "tests" / "interop"
README = ROOT / "README.md"
TIMERS = ["--ping-interval", "300", "--ping-timeout", "200",
          "--connect-timeout", "1500", "--max-payload", "1000000",
          "--upgrade-timeout", "3000", "--attachments-timeout", "3000"]
# Those two: with a heartbeat this short, ten seconds without a standstill are rare on some machines.
TIMEOUT = ["--timeout", "3"]
# Short enough to wait for, long enough for clients of a busy machine.
NETWORK_TIMERS = ["--ping-interval", "400", "--ping-timeout", "1000"]
ORIGIN = "http://suite.example"
# Versions of the stock client beside the newest. 2.5 speaks EIO3: it goes in here with that.
OLD_CLIENTS = ["4.0", "3.1"]

# Those that `browser/parties.mjs` knows: in the third one waits for long.
PARTY_QUEUES = """[
  { name = "arena", game = "circles", players = { from = 2, to = 4 },
    config = { drifting = 9, width = 600, height = 600, ticks = 300 } },
  { name = "asked", game = "circles", teams = { count = 2, size = 2 }, accept_ms = 10000,
    bots_after_ms = 100 },
  { name = "slow", game = "circles", players = { from = 2, to = 4 }, wave = { after_ms = 60000 } },
  { name = "ranked", game = "chess", rated = true },
]"""


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


class Proxied:
    """A server behind an nginx of its own."""

    CONFIG = """
        daemon off;
        worker_processes 1;
        pid nginx.pid;
        error_log error.log;
        events {{ worker_connections 2048; }}
        http {{
            access_log off;
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            client_max_body_size 10m;
            upstream parlor {{ server {upstream}; keepalive 16; }}
            map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass http://parlor;
                    proxy_http_version 1.1;
                    proxy_set_header Host $host;
                    proxy_set_header Upgrade $http_upgrade;
                    proxy_set_header Connection $connection_upgrade;
                    proxy_buffering off;
                }}
            }}
        }}
    """

    def __init__(self, server):
        self.server = server
        self.folder = tempfile.TemporaryDirectory()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        path = pathlib.Path(self.folder.name)
        # Started by root, nginx works as another user, who keeps large bodies in here.
        path.chmod(0o755)
        upstream = server.url.removeprefix("http://")
        (path / "nginx.conf").write_text(self.CONFIG.format(upstream=upstream, port=port))
        # The error log of the start goes to a file that ordinary users may not write.
        self.process = subprocess.Popen(
            ["nginx", "-p", f"{path}/", "-c", "nginx.conf", "-e", "error.log"],
            stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise SystemExit("nginx did not start") from None
                time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.folder.cleanup()
        self.server.__exit__()


class Runner:
    def __init__(self, profile, shards, nginx):
        self.bin = ROOT / "target" / profile
        self.shards = shards
        self.nginx = nginx
        self.failed = []

    def reached(self, server):
        return Proxied(server) if self.nginx else server

    def fixture(self, *flags):
        flags = ["--port", "0", "--shards", self.shards, *flags]
        return self.reached(Server([self.bin / "fixture", *flags], r"READY (\S+)"))

    def parlor(self, *times):
        """`times` are those of lobbies; else hundreds of matches begin without a countdown."""
        times = times or ("--lobbies-countdown-ms", "0")
        flags = ["--server-port", "0", "--log-level", "warn", "--server-shards", self.shards,
                 *times,
                 "--limits-max-connections-per-address", "0",
                 "--limits-max-sessions-per-address", "0"]
        server = Server([self.bin / "parlor", "dev", *flags], r"demo site\s+http://([^/]+)/")
        return self.reached(server)

    def run(self, name, *command, **options):
        where = f", {self.shards} shards" + (" behind nginx" if self.nginx else "")
        name += where if self.shards != "1" else ""
        print(f"-- {name}", flush=True)
        start = time.monotonic()
        code = subprocess.run([str(part) for part in command], cwd=ROOT, **options).returncode
        print(f"-- {name}: {'ok' if code == 0 else 'FAILED'}, {time.monotonic() - start:.1f} s",
              flush=True)
        if code != 0:
            self.failed.append(name)

    def conformance(self):
        with self.fixture("--app", "engine", *TIMERS) as server:
            self.run("Engine.IO conformance", "node", INTEROP / "engine.mjs", "--url", server.url,
                     *TIMEOUT)
        with self.fixture("--app", "engine", "--cors", ORIGIN, *TIMERS) as server:
            self.run("Engine.IO conformance with CORS", "node", INTEROP / "engine.mjs",
                     "--url", server.url, "--cors", ORIGIN, *TIMEOUT)
        with self.fixture("--app", "socket", *TIMERS) as server:
            self.run("Socket.IO conformance", "node", INTEROP / "socket.mjs", "--url", server.url,
                     *TIMEOUT)

    def clients(self):
        with self.fixture() as server:
            self.run("socket.io-client", "node", INTEROP / "clients.mjs", "--url", server.url)
            self.run("python-socketio", sys.executable, INTEROP / "python_clients.py",
                     "--url", server.url)

    def versions(self):
        with self.fixture() as server:
            for version in OLD_CLIENTS:
                self.run(f"socket.io-client {version}", "node", INTEROP / "clients.mjs",
                         "--url", server.url, "--client", version)

    def network(self):
        with self.fixture(*NETWORK_TIMERS) as server:
            for version in ["4.8", *OLD_CLIENTS]:
                self.run(f"socket.io-client {version} on networks that fail", "node",
                         INTEROP / "network.mjs", "--url", server.url, "--client", version)
            self.run("python-socketio on networks that fail", sys.executable,
                     INTEROP / "python_network.py", "--url", server.url)
        with self.fixture("--recovery", *NETWORK_TIMERS) as server:
            self.run("socket.io-client 4.8 that comes back", "node", INTEROP / "network.mjs",
                     "--url", server.url, "--client", "4.8", "--recovery")

    def rust(self):
        crate = INTEROP / "rust"
        target = ROOT / "target" / "interop-rust"
        self.run("rust_socketio, built", "cargo", "build", "--quiet", "--locked",
                 "--manifest-path", crate / "Cargo.toml", "--target-dir", target)
        # It says good-bye when a poll ends: pings have to come often.
        with self.fixture("--ping-interval", "400", "--ping-timeout", "2000") as server:
            self.run("rust_socketio", target / "debug" / "parlor-interop-rust",
                     "--url", server.url)

    def views(self):
        with self.parlor() as server:
            self.run("views and ticks", "node", INTEROP / "views.mjs", "--url", server.url)

    def lobbies(self):
        suite = ["node", INTEROP / "lobbies.mjs", "--url"]
        with self.parlor() as server:
            self.run("lobbies", *suite, server.url)
        with self.parlor("--lobbies-countdown-ms", "60000") as server:
            self.run("lobbies, long countdowns", *suite, server.url, "--times", "long")
        with self.parlor("--lobbies-countdown-ms", "100", "--lobbies-finished-ms", "1500",
                         "--lobbies-open-timeout-ms", "2500",
                         "--lobbies-max-match-ms", "2500") as server:
            self.run("lobbies, short phases", *suite, server.url, "--times", "short")

    def signal(self):
        suite = ["node", INTEROP / "signal.mjs", "--url"]
        with self.parlor() as server:
            self.run("peers", *suite, server.url)
            self.run("peers in Python", sys.executable, INTEROP / "python_signal.py",
                     "--url", server.url)
        with self.parlor("--signaling-away-timeout-ms", "1000",
                         "--signaling-max-peers", "3") as server:
            self.run("peers, short of time and room", *suite, server.url, "--settings", "short")
        with self.parlor("--signaling-enabled", "false") as server:
            self.run("no peers", *suite, server.url, "--settings", "off")

    def matchmaking(self):
        suite = ["node", INTEROP / "matchmaking.mjs", "--url"]
        queues = ["--config", INTEROP / "matchmaking" / "queues.toml"]
        countdown = ["--lobbies-countdown-ms", "0"]
        with self.parlor(*queues, *countdown) as server:
            self.run("matchmaking", *suite, server.url)
            self.run("matchmaking in Python", sys.executable, INTEROP / "python_matchmaking.py",
                     "--url", server.url)
        with self.parlor(*queues, *countdown, "--matchmaking-hold-ms", "1000",
                         "--matchmaking-away-timeout-ms", "1000") as server:
            self.run("matchmaking, short of time", *suite, server.url, "--settings", "short")
        with self.parlor(*queues, "--matchmaking-max-tickets", "3",
                         "--matchmaking-tickets-per-player", "2",
                         "--matchmaking-max-party-members", "2",
                         "--matchmaking-max-parties", "2") as server:
            self.run("matchmaking, short of room", *suite, server.url, "--settings", "few")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "readme.toml")
            path.write_text(re.search(r"```toml\n(.*?)```", README.read_text(), re.S)[1])
            with self.parlor("--config", path, *countdown) as server:
                self.run("matchmaking as in the README", *suite, server.url,
                         "--settings", "readme")
        with self.parlor("--matchmaking-enabled", "false") as server:
            self.run("no matchmaking", *suite, server.url, "--settings", "off")

    def openings(self, count):
        with self.parlor() as server:
            self.run(f"{count} openings, white by JavaScript, black by Python", "node",
                     INTEROP / "openings.mjs", "--url", server.url, "--count", count,
                     "--python", sys.executable)

    def players(self):
        with self.parlor() as server:
            self.run("two native players", self.bin / "parlor-player", "--server", server.url,
                     "--both", "--quiet")
        with self.parlor("--lobbies-countdown-ms", "0", "--lobbies-bot-delay-ms", "1") as server:
            self.run("a native player against a bot", self.bin / "parlor-player",
                     "--server", server.url, "--against-bot", "--quiet")

    def browser(self):
        out = ROOT / "tests" / "out"
        out.mkdir(exist_ok=True)
        with self.parlor("--lobbies-countdown-ms", "3000") as server:
            self.run("two tabs in Chromium", "node", ROOT / "tests" / "browser" / "two-tabs.mjs",
                     "--url", server.url, "--out", out)
        asked = '[{ name = "asked", game = "chess", accept_ms = 10000 }]'
        flags = ("--matchmaking-queues", asked, "--matchmaking-hold-ms", "2000")
        with self.parlor(*flags) as server:
            self.run("asked whether to play", "node", ROOT / "tests" / "browser" / "asked.mjs",
                     "--url", server.url, "--out", out)
        with self.parlor("--matchmaking-queues", PARTY_QUEUES,
                         "--proxy-trusted", '["127.0.0.1"]') as server:
            self.run("parties", "node", ROOT / "tests" / "browser" / "parties.mjs",
                     "--url", server.url, "--out", out)

    def links(self):
        """In a network namespace of their own, where nobody else's packets can be dropped."""
        me = [sys.executable, __file__, "--shards", self.shards]
        me += ["--release"] if self.bin.name == "release" else []
        rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        inside = ["unshare", *rights, "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
        self.run("peer links", *inside, *me, "links_inside")

    def links_inside(self):
        out = ROOT / "tests" / "out"
        out.mkdir(exist_ok=True)
        with self.parlor() as server:
            self.run("peer links in Chromium", "node", ROOT / "tests" / "browser" / "links.mjs",
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
    parser.add_argument("--shards", default="1", help="of the server [1]")
    parser.add_argument("--nginx", action="store_true", help="with an nginx in front")
    parser.add_argument("proofs", nargs="+")
    options = parser.parse_args()
    os.chdir(ROOT)
    profile = "release" if options.release else "debug"
    runner = Runner(profile, options.shards, options.nginx)
    for proof in options.proofs:
        name, _, argument = proof.partition("=")
        getattr(runner, name)(*([argument] if argument else []))
    for name in runner.failed:
        print(f"FAILED: {name}")
    sys.exit(1 if runner.failed else 0)


if __name__ == "__main__":
    main()
