"""python-socketio 5 against a running fixture (`fixture --app socket …`, see socket.mjs): the
threaded Client over polling, WebSocket and upgrade, the SimpleClient, and the asyncio client.

    python python_clients.py --url http://127.0.0.1:PORT [--reference] [--only TEXT] [--verbose]

Any heartbeat will do; on a busy machine give the fixture `--ping-timeout 2000`, for a pure Python
client may well be late by 200 ms.
The threaded client starts a thread for each message, so there the order in which handlers run says
nothing about the order on the wire: those cases compare sets. The asyncio client keeps the order,
and is held to it.
"""

import argparse
import asyncio
import os
import queue
import sys
import threading
import time
import traceback

import engineio
import socketio
from engineio import payload
from socketio.exceptions import ConnectionError as Refused
from socketio.exceptions import TimeoutError as NoAnswer

WAIT_S = 3
CASE_S = 15
WAYS = {
    "polling": (["polling"], "polling"),
    "websocket": (["websocket"], "websocket"),
    "upgrade": (["polling", "websocket"], "websocket"),
}
NESTED = [
    None,
    True,
    [1, "2", {"3": [False, None]}],
    {"é": "€𝒳🦊\u2028\u0000", "": {}},
    -0.5,
    1e300,
    [],
]
BINARY = bytes(range(256))

cases = []


class Mismatch(Exception):
    """A failed expectation; printed as expected and seen."""

    def __init__(self, what, expected, seen):
        super().__init__(what)
        self.expected, self.seen = expected, seen


def check(name, ours=None):
    """Registers a case; `ours` says why only Parlor, not the reference, passes it."""

    def register(fn):
        cases.append((name, ours, fn))
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

    def next(self):
        try:
            return self.queue.get(timeout=WAIT_S)
        except queue.Empty:
            raise Mismatch(f"the event {self.event}", f"within {WAIT_S} s", "nothing") from None

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


# --- the threaded client ---


def threaded_cases(way):
    transports, last = WAYS[way]

    def client(clients, **options):
        made = Client(
            handle_sigint=False, reconnection_delay=0.05, randomization_factor=0, **options
        )
        clients.append(made)
        return made

    def connect(made, namespaces=("/",), auth=None):
        made.connect(
            URL, transports=transports, namespaces=list(namespaces), auth=auth, wait_timeout=WAIT_S
        )
        return made

    def opened(clients, auth=None, **options):
        return connect(client(clients, **options), auth=auth)

    def case(sentence, ours=None):
        def register(fn):
            def run():
                clients = []
                try:
                    fn(clients)
                finally:
                    for made in clients:
                        made.shutdown()

            check(f"Client, {way}: {sentence}", ours)(run)

        return register

    def echo(made, back, *args):
        made.emit("message", args)
        return back.next()

    @case("connects, gets an id and its auth payload back")
    def _(clients):
        made = client(clients)
        auths = Inbox(made, "auth")
        connect(made, auth={"token": "abc", "deep": {"é": [1]}})
        equal(auths.next(), [{"token": "abc", "deep": {"é": [1]}}], "the auth event")
        equal(len(made.get_sid()) >= 20, True, "an id of 20 or more characters")
        equal(made.transport(), last, "the transport in the end")

    @case("connects without a payload")
    def _(clients):
        made = client(clients)
        auths = Inbox(made, "auth")
        connect(made)
        equal(auths.next(), [{}], "the auth event")

    @case("gets nested, binary and Unicode arguments back")
    def _(clients):
        made = opened(clients)
        back = Inbox(made, "message-back")
        equal(echo(made, back, *NESTED), NESTED, "the echo")
        equal(echo(made, back), [], "the echo of nothing")
        binary = [BINARY, {"deep": [BINARY, "text", b""]}, "end"]
        equal(echo(made, back, *binary), binary, "the binary echo")

    @case("gets its arguments back in acks")
    def _(clients):
        made = opened(clients)
        equal(made.call("message-with-ack", {"a": [1]}, timeout=WAIT_S), {"a": [1]}, "the ack")
        several = made.call("message-with-ack", (1, "2"), timeout=WAIT_S)
        equal(list(several), [1, "2"], "the ack of two")
        equal(
            made.call("message-with-ack", {"b": BINARY}, timeout=WAIT_S),
            {"b": BINARY},
            "the binary ack",
        )

    # python-engineio drops the session when an answer to a poll holds more than 16 packets.
    reason = (
        "consequence (e): a polling answer holds at most 16 packets" if last == "polling" else None
    )

    @case("fifty acks under way find their questions", ours=reason)
    def _(clients):
        made = opened(clients)
        answers = queue.Queue()
        for i in range(50):
            made.emit("message-with-ack", i, callback=lambda value, i=i: answers.put((i, value)))
        until(lambda: answers.qsize() == 50, "fifty answers")
        got = sorted(answers.get() for _ in range(50))
        equal(got, [(i, i) for i in range(50)], "the answers")

    @case("an event nobody acknowledges times out, and the connection stays")
    def _(clients):
        made = opened(clients)
        back = Inbox(made, "message-back")
        try:
            made.call("nobody", 1, timeout=0.1)
            raise Mismatch("the call", "a time-out", "an answer")
        except NoAnswer:
            pass
        equal(echo(made, back, 1), [1], "the echo")

    @case("answers the server's questions")
    def _(clients):
        made = opened(clients)
        made.on("question", lambda x: {"yours": x})
        equal(made.call("ask-back", {"n": 1}, timeout=WAIT_S), {"yours": {"n": 1}}, "the answer")
        equal(made.call("ask-back", BINARY, timeout=WAIT_S), {"yours": BINARY}, "the binary answer")

    @case("rooms: several clients join, hear, leave and hear no more")
    def _(clients):
        room = f"py {way} {time.time()}"
        made = [opened(clients) for _ in range(3)]
        heard = [Inbox(one, "room-message") for one in made]
        for one in made[:2]:
            equal(one.call("join", room, timeout=WAIT_S), "ok", "join")
        equal(made[2].call("room-send", (room, {"n": 1}), timeout=WAIT_S), "ok", "room-send")
        equal([heard[0].next(), heard[1].next()], [[room, {"n": 1}]] * 2, "what the members heard")
        equal(made[0].call("leave", room, timeout=WAIT_S), "ok", "leave")
        equal(made[2].call("room-send", (room, b"\x01"), timeout=WAIT_S), "ok", "room-send")
        equal(heard[1].next(), [room, b"\x01"], "what the second heard")
        made[0].call("message-with-ack", 1, timeout=WAIT_S)
        equal([heard[0].queue.qsize(), heard[2].queue.qsize()], [0, 0], "what the others heard")

    @case("a burst of a thousand comes whole", ours=reason)
    def _(clients):
        made = opened(clients)
        heard = Inbox(made, "burst")
        made.emit("burst", 1000)
        equal(sorted(heard.take(1000)), [[i] for i in range(1000)], "the events")

    @case("a hundred messages in a row come back")
    def _(clients):
        made = opened(clients)
        back = Inbox(made, "message-back")
        # Waiting for one in ten keeps a polling client of the reference below its 16 packets.
        for i in range(100):
            made.emit("message", i)
            if i % 10 == 9:
                equal(sorted(back.take(10)), [[n] for n in range(i - 9, i + 1)], "the echoes")

    @case("whoami tells the id and the transport of the moment")
    def _(clients):
        made = opened(clients)
        who = made.call("whoami", timeout=WAIT_S)
        equal(who, {"id": made.get_sid(), "transport": last, "recovered": False}, "whoami")

    @case("bye disconnects, and the client can connect again")
    def _(clients):
        made = client(clients)
        gone = Inbox(made, "disconnect")
        connect(made)
        old = made.get_sid()
        made.emit("bye")
        equal(gone.next(), [made.reason.SERVER_DISCONNECT], "the reason")
        until(lambda: made.eio.state == "disconnected", "the end of the connection")
        connect(made)
        equal(made.get_sid() != old, True, "a new id")
        equal(made.call("message-with-ack", 1, timeout=WAIT_S), 1, "the ack")

    @case("/auth refuses without the secret and says why")
    def _(clients):
        for auth in [None, {}, {"token": "wrong"}]:
            made = client(clients, reconnection=False)
            errors = Inbox(made, "connect_error", "/auth")
            try:
                connect(made, ["/auth"], auth)
                raise Mismatch("the connection", "refused", "accepted")
            except Refused:
                pass
            equal(
                errors.next(),
                [{"message": "Unauthorized", "data": {"code": "E_AUTH"}}],
                "the error",
            )

    @case("/auth accepts the secret")
    def _(clients):
        made = connect(client(clients), ["/auth"], {"token": "secret"})
        equal(len(made.get_sid("/auth")) >= 20, True, "an id of 20 or more characters")

    @case("an unknown namespace is refused")
    def _(clients):
        made = client(clients, reconnection=False)
        errors = Inbox(made, "connect_error", "/nobody")
        try:
            connect(made, ["/nobody"])
            raise Mismatch("the connection", "refused", "accepted")
        except Refused:
            pass
        equal(errors.next(), [{"message": "Invalid namespace"}], "the error")

    @case("two namespaces share one connection")
    def _(clients):
        made = client(clients)
        back = Inbox(made, "message-back", "/custom")
        connect(made, ["/", "/custom"])
        equal(made.get_sid("/") != made.get_sid("/custom"), True, "different ids")
        made.emit("message", ("c", BINARY), namespace="/custom")
        equal(back.next(), ["c", BINARY], "the echo in /custom")
        equal(
            made.call("message-with-ack", 1, namespace="/custom", timeout=WAIT_S),
            1,
            "the ack in /custom",
        )
        equal(made.call("message-with-ack", 2, timeout=WAIT_S), 2, "the ack in /")
        made.emit("bye")
        until(lambda: "/" not in made.namespaces, "the end of /")
        equal(
            made.call("message-with-ack", 3, namespace="/custom", timeout=WAIT_S),
            3,
            "the ack in /custom",
        )

    @case("a message of 900 kB comes back")
    def _(clients):
        # Checking UTF-8 in pure Python would take longer than pingTimeout.
        made = opened(clients, websocket_extra_options={"skip_utf8_validation": True})
        back = Inbox(made, "message-back")
        equal(echo(made, back, "x" * 900_000) == ["x" * 900_000], True, "the echo is the same text")
        equal(
            echo(made, back, BINARY * 2_700) == [BINARY * 2_700], True, "the echo is the same bytes"
        )

    @case("a message of 2 MB disconnects, and the client comes back")
    def _(clients):
        made = client(clients)
        gone, came = Inbox(made, "disconnect"), Inbox(made, "connect")
        connect(made)
        came.next()
        made.emit("message", "x" * 2_000_000)
        gone.next()
        came.next()
        equal(made.call("message-with-ack", 1, timeout=WAIT_S), 1, "the ack")

    @case("disconnects and connects again, with a new id each time")
    def _(clients):
        made = client(clients)
        ids = set()
        for i in range(4):
            connect(made)
            ids.add(made.get_sid())
            equal(made.call("message-with-ack", i, timeout=WAIT_S), i, "the ack")
            made.disconnect()
            until(lambda: made.eio.state == "disconnected", "the end of the connection")
        equal(len(ids), 4, "different ids")

    @case("an idle connection outlives many heartbeats")
    def _(clients):
        made = client(clients)
        gone = Inbox(made, "disconnect")
        connect(made)
        time.sleep(2)
        equal(made.call("message-with-ack", 1, timeout=WAIT_S), 1, "the ack")
        equal(gone.queue.qsize(), 0, "disconnections")


# --- the simple client ---


def simple_cases():
    for way, (transports, last) in WAYS.items():

        def case(sentence, transports=transports, way=way):
            def register(fn):
                def run():
                    with SimpleClient(handle_sigint=False) as made:
                        made.connect(
                            URL, transports=transports, auth={"token": "t"}, wait_timeout=WAIT_S
                        )
                        equal(
                            made.receive(timeout=WAIT_S),
                            ["auth", {"token": "t"}],
                            "the first event",
                        )
                        fn(made)

                check(f"SimpleClient, {way}: {sentence}")(run)

            return register

        @case("emits and receives")
        def _(made):
            for args in [(1, "2", {"3": [True]}), (BINARY, "é€𝒳"), ()]:
                made.emit("message", args)
                equal(made.receive(timeout=WAIT_S), ["message-back", *args], "the echo")

        @case("calls")
        def _(made, last=last):
            equal(
                made.call("message-with-ack", {"a": BINARY}, timeout=WAIT_S),
                {"a": BINARY},
                "the ack",
            )
            who = made.call("whoami", timeout=WAIT_S)
            equal(who, {"id": made.sid, "transport": last, "recovered": False}, "whoami")

        @case("is told of a burst, event by event")
        def _(made):
            made.emit("burst", 10)
            got = sorted(made.receive(timeout=WAIT_S) for _ in range(10))
            equal(got, [["burst", i] for i in range(10)], "the events")


# --- the asyncio client ---


def asyncio_cases(way):
    transports, last = WAYS[way]

    def case(sentence, ours=None):
        def register(fn):
            async def with_client():
                made = AsyncClient(
                    handle_sigint=False, reconnection_delay=0.05, randomization_factor=0
                )
                try:
                    await asyncio.wait_for(fn(made), CASE_S)
                finally:
                    await asyncio.wait_for(made.shutdown(), WAIT_S)

            check(f"AsyncClient, {way}: {sentence}", ours)(lambda: asyncio.run(with_client()))

        return register

    async def connect(made, auth=None, namespaces=("/",)):
        await made.connect(
            URL, transports=transports, namespaces=list(namespaces), auth=auth, wait_timeout=WAIT_S
        )

    def inbox(made, event, namespace="/"):
        arrived = asyncio.Queue()
        made.on(event, lambda *args: arrived.put_nowait(list(args)), namespace=namespace)
        return lambda: asyncio.wait_for(arrived.get(), WAIT_S)

    @case("connects, echoes and calls")
    async def _(made):
        auths, back = inbox(made, "auth"), inbox(made, "message-back")
        await connect(made, {"é": [1]})
        equal(await auths(), [{"é": [1]}], "the auth event")
        for args in [NESTED, [BINARY, {"deep": [BINARY, b""]}]]:
            await made.emit("message", tuple(args))
            equal(await back(), args, "the echo")
        who = await made.call("whoami", timeout=WAIT_S)
        equal(who, {"id": made.get_sid(), "transport": last, "recovered": False}, "whoami")
        answer = await made.call("message-with-ack", {"b": BINARY}, timeout=WAIT_S)
        equal(answer, {"b": BINARY}, "the ack")

    @case("answers the server's questions")
    async def _(made):
        async def question(x):
            await asyncio.sleep(0)
            return {"yours": x}

        made.on("question", question)
        await connect(made)
        asked = [made.call("ask-back", i, timeout=WAIT_S) for i in range(10)]
        equal(await asyncio.gather(*asked), [{"yours": i} for i in range(10)], "the answers")

    reason = (
        "consequence (e): a polling answer holds at most 16 packets" if last == "polling" else None
    )

    @case("a burst of a thousand comes in order", ours=reason)
    async def _(made):
        heard = inbox(made, "burst")
        await connect(made)
        await made.emit("burst", 1000)
        equal([await heard() for _ in range(1000)], [[i] for i in range(1000)], "the events")

    @case("a hundred messages come back in order", ours=reason)
    async def _(made):
        back = inbox(made, "message-back")
        await connect(made)
        for i in range(100):
            await made.emit("message", i)
        equal([await back() for _ in range(100)], [[i] for i in range(100)], "the echoes")

    @case("bye disconnects")
    async def _(made):
        gone = inbox(made, "disconnect")
        await connect(made)
        await made.emit("bye")
        equal(await gone(), [made.reason.SERVER_DISCONNECT], "the reason")

    @case("/auth refuses and accepts")
    async def _(made):
        errors = inbox(made, "connect_error", "/auth")
        try:
            await connect(made, {"token": "wrong"}, ["/auth"])
            raise Mismatch("the connection", "refused", "accepted")
        except Refused:
            pass
        equal(
            await errors(), [{"message": "Unauthorized", "data": {"code": "E_AUTH"}}], "the error"
        )
        await connect(made, {"token": "secret"}, ["/auth"])
        equal(len(made.get_sid("/auth")) >= 20, True, "an id of 20 or more characters")

    @case("an idle connection outlives many heartbeats")
    async def _(made):
        gone = inbox(made, "disconnect")
        await connect(made)
        left = asyncio.ensure_future(gone())
        await asyncio.sleep(2)
        equal(left.done(), False, "a disconnection")
        left.cancel()
        equal(await made.call("message-with-ack", 1, timeout=WAIT_S), 1, "the ack")


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


def main():
    passed = failed = skipped = 0
    for name, ours, fn in cases:
        if OPTIONS.only and OPTIONS.only not in name:
            continue
        if ours and OPTIONS.reference:
            skipped += 1
            continue
        start = time.monotonic()
        error = run_case(fn)
        if error is None:
            passed += 1
            if OPTIONS.verbose:
                print(f"ok   {name} ({(time.monotonic() - start) * 1000:.0f} ms)")
            continue
        failed += 1
        print(f"FAIL {name}")
        if isinstance(error, Mismatch):
            print(
                f"       {error}\n       expected: {error.expected}\n       seen:     {error.seen}"
            )
        else:
            lines = traceback.format_exception(error)
            print("       " + "       ".join(lines[-3:]).rstrip())
    if skipped:
        print(f"{skipped} cases ask more than the reference does and were skipped")
    print(f"{passed} passed, {failed} failed")
    sys.stdout.flush()
    # Threads of clients that were given up must not keep the process.
    os._exit(0 if passed and not failed else 1)


parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("--url", required=True)
parser.add_argument("--reference", action="store_true")
parser.add_argument("--only")
parser.add_argument("--verbose", action="store_true")
OPTIONS = parser.parse_args()
URL = OPTIONS.url

for each_way in WAYS:
    threaded_cases(each_way)
simple_cases()
for each_way in WAYS:
    asyncio_cases(each_way)
main()
