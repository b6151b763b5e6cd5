"""python-socketio 5 against a running fixture (`fixture --app socket …`, see socket.mjs): the
threaded Client over polling, WebSocket and upgrade, the SimpleClient, and the asyncio client.

    python python_clients.py --url http://127.0.0.1:PORT [--reference] [--only TEXT] [--verbose]

Any heartbeat will do; on a busy machine give the fixture `--ping-timeout 2000`, for a pure Python
client may well be late by 200 ms.
The threaded client starts a thread for each message, so there the order in which handlers run says
nothing about the order on the wire: those cases compare sets. The asyncio client keeps the order,
and is held to it.
"""

import asyncio
import contextlib
import queue
import time

from python_harness import (
    CASE_S,
    URL,
    WAIT_S,
    WAYS,
    AsyncClient,
    Client,
    Inbox,
    Mismatch,
    NoAnswer,
    Refused,
    SimpleClient,
    check,
    equal,
    run,
    until,
)

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

    def case(sentence, ours=None, beside=False):
        def register(fn):
            def run():
                clients = []
                try:
                    fn(clients)
                finally:
                    for made in clients:
                        made.shutdown()

            check(f"Client, {way}: {sentence}", ours, beside)(run)

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

    @case("a thousand sent at once come back whole", ours=reason)
    def _(clients):
        made = opened(clients)
        back = Inbox(made, "message-back")
        for i in range(1000):
            made.emit("message", i)
        equal(sorted(back.take(1000)), [[i] for i in range(1000)], "the echoes")

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

    @case("an idle connection outlives many heartbeats", beside=True)
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

    def case(sentence, ours=None, beside=False):
        def register(fn):
            async def with_client():
                made = AsyncClient(
                    handle_sigint=False, reconnection_delay=0.05, randomization_factor=0
                )
                try:
                    await asyncio.wait_for(fn(made), CASE_S)
                finally:
                    await asyncio.wait_for(made.shutdown(), WAIT_S)

            check(f"AsyncClient, {way}: {sentence}", ours, beside)(lambda: asyncio.run(with_client()))

        return register

    async def connect(made, auth=None, namespaces=("/",)):
        await made.connect(
            URL, transports=transports, namespaces=list(namespaces), auth=auth, wait_timeout=WAIT_S
        )

    @contextlib.asynccontextmanager
    async def speaker():
        other = AsyncClient(handle_sigint=False)
        await connect(other)
        try:
            yield other
        finally:
            await asyncio.wait_for(other.shutdown(), WAIT_S)

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

    @case("a thousand sent at once come back in order", ours=reason)
    async def _(made):
        back = inbox(made, "message-back")
        await connect(made)
        for i in range(1000):
            await made.emit("message", i)
        equal([await back() for _ in range(1000)], [[i] for i in range(1000)], "the echoes")

    @case("a message of 500 kB comes back")
    async def _(made):
        back = inbox(made, "message-back")
        await connect(made)
        for big in ["é" * 90_000, BINARY * 2_700]:
            await made.emit("message", big)
            equal(await back() == [big], True, "the echo is the same")

    @case("rooms: it joins, hears, leaves and hears no more")
    async def _(made):
        room, heard = f"py aio {way} {time.time()}", inbox(made, "room-message")
        await connect(made)
        async with speaker() as other:
            equal(await made.call("join", room, timeout=WAIT_S), "ok", "join")
            for said in [{"n": 1}, BINARY]:
                equal(await other.call("room-send", (room, said), timeout=WAIT_S), "ok", "said")
                equal(await heard(), [room, said], "what it heard")
            equal(await made.call("leave", room, timeout=WAIT_S), "ok", "leave")
            equal(await other.call("room-send", (room, 2), timeout=WAIT_S), "ok", "said")
            unheard = asyncio.ensure_future(heard())
            equal(await made.call("message-with-ack", 1, timeout=WAIT_S), 1, "the ack")
            equal(unheard.done(), False, "what it heard besides")
            unheard.cancel()

    @case("two namespaces share one connection")
    async def _(made):
        back = inbox(made, "message-back", "/custom")
        await connect(made, namespaces=("/", "/custom"))
        equal(made.get_sid("/") != made.get_sid("/custom"), True, "different ids")
        await made.emit("message", ("c", BINARY), namespace="/custom")
        equal(await back(), ["c", BINARY], "the echo in /custom")
        equal(await made.call("message-with-ack", 2, timeout=WAIT_S), 2, "the ack in /")

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

    @case("an idle connection outlives many heartbeats", beside=True)
    async def _(made):
        gone = inbox(made, "disconnect")
        await connect(made)
        left = asyncio.ensure_future(gone())
        await asyncio.sleep(2)
        equal(left.done(), False, "a disconnection")
        left.cancel()
        equal(await made.call("message-with-ack", 1, timeout=WAIT_S), 1, "the ack")


for each_way in WAYS:
    threaded_cases(each_way)
simple_cases()
for each_way in WAYS:
    asyncio_cases(each_way)
run()
