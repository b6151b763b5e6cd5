"""What the Python suites of this folder share: cases, deadlines and the closing line; what an event
brings; clients that say good-bye, and a network that fails. What fails while the machine stands
still says nothing of the server: it is run again, alone (python_clock.py).
"""

import argparse
import os
import pathlib
import queue
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import engineio
import socketio
from engineio import payload
from python_clock import Clock
from socketio.exceptions import ConnectionError as Refused  # noqa: F401: for the suites
from socketio.exceptions import TimeoutError as NoAnswer  # noqa: F401: for the suites

# How long everybody waits for what must come; where the time itself is claimed, the case says it.
WAIT_S = 15
CASE_S = 30
# How often a case is run again at most; by then it is no longer the machine.
TRIES_ALONE = 8
WAYS = {
    "polling": (["polling"], "polling"),
    "websocket": (["websocket"], "websocket"),
    "upgrade": (["polling", "websocket"], "websocket"),
}

clock = Clock()
cases = []


class Mismatch(Exception):
    """A failed expectation; printed as expected and seen."""

    def __init__(self, what, expected, seen):
        super().__init__(what)
        self.expected, self.seen = expected, seen


def check(name, ours=None, beside=False):
    """Registers a case; `ours` says why only Parlor, not the reference, passes it. Those `beside`
    mostly wait: all of them run at once, before the others."""

    def register(fn):
        cases.append((name, ours, beside, fn))
        return fn

    return register


def equal(seen, expected, what):
    if seen != expected:
        raise Mismatch(what, short(expected), short(seen))


def short(value):
    text = repr(value)
    return text if len(text) < 400 else f"{text[:400]}… ({len(text)} characters)"


class Inbox:
    """Everything an event brought, taken one after another."""

    def __init__(self, client, event, namespace="/"):
        self.event = event
        self.queue = queue.Queue()
        client.on(event, self._arrived, namespace=namespace)

    def _arrived(self, *args):
        self.queue.put(list(args))

    def next(self, seconds=WAIT_S):
        try:
            return self.queue.get(timeout=seconds)
        except queue.Empty:
            raise Mismatch(f"the event {self.event}", f"within {seconds} s", "nothing") from None

    def take(self, count):
        return [self.next() for _ in range(count)]


def until(holds, what):
    """Waits for a state of the client that it reports by no event."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        if time.monotonic() > deadline:
            raise Mismatch(what, f"within {WAIT_S} s", "not yet")
        time.sleep(0.005)


# --- clients that say good-bye ---

# The polling writer of python-engineio ends when the client's state changes while a POST is under
# way. What was queued meanwhile, the close among it, is then never sent, and whoever disconnected
# waits with the reader for the next ping, with any server. These clients send that too.


def left_behind(engine):
    """The POST that a writer which has ended still owes, if it does."""
    packets = []
    if engine.state == "disconnecting" and engine.current_transport == "polling":
        try:
            while True:
                packets.append(engine.queue.get_nowait())
        except engine.queue_empty:
            pass
    packets = [packet for packet in packets if packet is not None]
    if not packets:
        return None
    return {
        "method": "POST",
        "url": engine.base_url,
        "headers": {"Content-Type": "text/plain"},
        "body": payload.Payload(packets=packets).encode(),
        "timeout": engine.request_timeout,
    }


class Engine(engineio.Client):
    def _write_loop(self):
        super()._write_loop()
        if owed := left_behind(self):
            self._send_request(**owed)


class AsyncEngine(engineio.AsyncClient):
    async def _write_loop(self):
        await super()._write_loop()
        if owed := left_behind(self):
            await self._send_request(**owed)


class Client(socketio.Client):
    def _engineio_client_class(self):
        return Engine


class SimpleClient(socketio.SimpleClient):
    client_class = Client


class AsyncClient(socketio.AsyncClient):
    def _engineio_client_class(self):
        return AsyncEngine


# --- a network that fails ---


class Network:
    """A proxy in front of the server (proxy.mjs), with a URL of its own."""

    def __init__(self):
        script = pathlib.Path(__file__).with_name("proxy.mjs")
        self.process = subprocess.Popen(
            ["node", str(script), urlsplit(OPTIONS.url).netloc],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().split()[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()

    def _does(self, verb):
        self.process.stdin.write(f"{verb}\n")
        self.process.stdin.flush()
        equal(self.process.stdout.readline(), "ok\n", f"the proxy's answer to {verb}")

    def cut(self):
        """Ends every connection."""
        self._does("cut")

    def refuse(self):
        """Ends every connection, and takes no new one."""
        self._does("refuse")

    def listen(self):
        """Takes connections again."""
        self._does("listen")

    def silence(self):
        """Lets nothing through any more, and tells nobody."""
        self._does("silence")

    def resume(self):
        """Lets new connections through again."""
        self._does("resume")


# --- running ---


def run_case(fn):
    """Runs a case beside the main thread, so that one that hangs can be given up."""
    outcome = queue.Queue()

    def target():
        try:
            fn()
            outcome.put(None)
        except BaseException as error:  # noqa: BLE001: whatever it is, it is the outcome
            outcome.put(error)

    threading.Thread(target=target, daemon=True).start()
    try:
        return outcome.get(timeout=CASE_S)
    except queue.Empty:
        return Mismatch("the whole case", f"within {CASE_S} s", "not over")


def timed(fn):
    """Runs a case: its error if it failed, how long it took, and how the machine stood still."""
    mark = clock.mark()
    error = run_case(fn)
    return error, (time.monotonic() - mark[0]) * 1000, clock.since(mark)


def report(name, error, ms):
    if error is None:
        if OPTIONS.verbose:
            print(f"ok   {name} ({ms:.0f} ms)")
        return
    print(f"FAIL {name}")
    if isinstance(error, Mismatch):
        print(f"       {error}\n       expected: {error.expected}\n       seen:     {error.seen}")
    else:
        lines = traceback.format_exception(error)
        print("       " + "       ".join(lines[-3:]).rstrip())


def is_gone():
    """Whether nobody listens there any more."""
    address = urlsplit(URL)
    try:
        socket.create_connection((address.hostname, address.port or 80), WAIT_S).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        pass
    return False


def run():
    """Runs what is registered, prints the closing line and ends the process."""
    chosen = [case for case in cases if not OPTIONS.only or OPTIONS.only in case[0]]
    served = [case for case in chosen if not (case[1] and OPTIONS.reference)]
    failed = 0
    aside = deque()

    def settle(case, outcome, tries=0):
        """Counts a case, or puts it aside if the machine stood still when it failed."""
        nonlocal failed
        error, ms, stall = outcome
        if error is not None and stall and tries < TRIES_ALONE and not is_gone():
            print(f"again {case[0]}: the machine stood still ({stall})", flush=True)
            aside.append((case, outcome, tries))
            return
        report(case[0], error, ms)
        failed += error is not None

    with ThreadPoolExecutor(max_workers=len(served) + 1) as pool:
        waiting = [(case, pool.submit(timed, case[3])) for case in served if case[2]]
        outcomes = [(case, outcome.result()) for case, outcome in waiting]
    for case, outcome in outcomes:
        settle(case, outcome)
    for case in served:
        if not case[2]:
            settle(case, timed(case[3]))
    while aside:
        case, outcome, tries = aside.popleft()
        if is_gone():
            settle(case, outcome, TRIES_ALONE)
        else:
            clock.quiet()
            settle(case, timed(case[3]), tries + 1)
    if len(served) < len(chosen):
        skipped = len(chosen) - len(served)
        print(f"{skipped} cases ask more than the reference does and were skipped")
    print(f"{len(served) - failed} passed, {failed} failed")
    sys.stdout.flush()
    # Threads of clients that were given up must not keep the process.
    os._exit(0 if served and not failed else 1)


parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--reference", action="store_true")
parser.add_argument("--only")
parser.add_argument("--verbose", action="store_true")
OPTIONS = parser.parse_args()
URL = OPTIONS.url
