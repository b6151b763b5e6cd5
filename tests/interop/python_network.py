"""python-socketio 5 on networks that fail: cut, refused, silent; the threaded client and asyncio's.

    python python_network.py --url http://127.0.0.1:PORT [--reference] [--only TEXT] [--verbose]

Wants `fixture --app socket --ping-interval 400 --ping-timeout 1000`. The network is a proxy of each
case's own (proxy.mjs, which wants `node`).
"""

import asyncio
import contextlib
import time

from python_harness import (
    CASE_S,
    WAIT_S,
    WAYS,
    AsyncClient,
    Client,
    Inbox,
    Mismatch,
    Network,
    Refused,
    check,
    equal,
    run,
)

DELAYS = {"reconnection_delay": 0.05, "reconnection_delay_max": 0.1, "randomization_factor": 0}


def threaded_cases(way):
    transports, last = WAYS[way]

    def case(sentence, beside=False):
        def register(fn):
            def run_it():
                with Network() as network:
                    made = Client(handle_sigint=False, **DELAYS)
                    try:
                        fn(network, made, Inbox(made, "connect"), Inbox(made, "disconnect"))
                    finally:
                        made.shutdown()

            check(f"Client, {way}: {sentence}", beside=beside)(run_it)

        return register

    def connect(network, made, **options):
        made.connect(network.url, transports=transports, wait_timeout=WAIT_S, **options)

    def is_well(made):
        equal(made.call("message-with-ack", 1, timeout=WAIT_S), 1, "the ack")
        equal(made.transport(), last, "the transport in the end")

    def cut_off(network, gone):
        """Between two polls there may be nothing to cut."""
        while gone.queue.empty():
            network.cut()
            time.sleep(0.005)
        gone.next()

    @case("a cut connection comes back by itself")
    def _(network, made, came, gone):
        connect(network, made)
        ids = set()
        for _ in range(3):
            came.next()
            ids.add(made.get_sid())
            is_well(made)
            cut_off(network, gone)
        came.next()
        ids.add(made.get_sid())
        is_well(made)
        equal(len(ids), 4, "different ids")

    @case("where nobody listens it says so")
    def _(network, made, came, gone):
        network.refuse()
        try:
            connect(network, made)
            raise Mismatch("the connection", "refused", "accepted")
        except Refused:
            pass
        network.listen()
        connect(network, made)
        is_well(made)

    @case("a server that goes away and comes again is found again")
    def _(network, made, came, gone):
        failed = Inbox(made, "connect_error")
        connect(network, made)
        came.next()
        network.refuse()
        gone.next()
        failed.take(2)
        network.listen()
        came.next()
        is_well(made)

    @case("a silent network is noticed, and left", beside=True)
    def _(network, made, came, gone):
        connect(network, made)
        came.next()
        network.silence()
        gone.next()
        network.resume()
        # An attempt that was made meanwhile is given up after 5 s.
        came.next()
        is_well(made)


def asyncio_cases(way):
    transports, last = WAYS[way]

    def case(sentence, beside=False):
        def register(fn):
            async def with_client():
                with Network() as network:
                    made = AsyncClient(handle_sigint=False, **DELAYS)
                    try:
                        await asyncio.wait_for(fn(network, made), CASE_S)
                    finally:
                        await asyncio.wait_for(made.shutdown(), WAIT_S)

            check(f"AsyncClient, {way}: {sentence}", beside=beside)(lambda: asyncio.run(with_client()))

        return register

    async def connect(network, made):
        await made.connect(network.url, transports=transports, wait_timeout=WAIT_S)

    def inbox(made, event):
        arrived = asyncio.Queue()
        made.on(event, lambda *args: arrived.put_nowait(list(args)))
        return lambda seconds=WAIT_S: asyncio.wait_for(arrived.get(), seconds)

    async def is_well(made):
        equal(await made.call("message-with-ack", 1, timeout=WAIT_S), 1, "the ack")
        equal(made.transport(), last, "the transport in the end")

    @case("a cut connection comes back by itself")
    async def _(network, made):
        came, gone = inbox(made, "connect"), inbox(made, "disconnect")
        await connect(network, made)
        await came()
        old, left = made.get_sid(), asyncio.ensure_future(gone())
        while not left.done():
            network.cut()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(left), 0.005)
        await came()
        equal(made.get_sid() != old, True, "a new id")
        await is_well(made)

    @case("a server that goes away and comes again is found again")
    async def _(network, made):
        came, gone = inbox(made, "connect"), inbox(made, "disconnect")
        failed = inbox(made, "connect_error")
        await connect(network, made)
        await came()
        network.refuse()
        await gone()
        await failed()
        network.listen()
        await came()
        await is_well(made)

    @case("a silent network is noticed, and left", beside=True)
    async def _(network, made):
        came, gone = inbox(made, "connect"), inbox(made, "disconnect")
        await connect(network, made)
        await came()
        network.silence()
        await gone()
        network.resume()
        await came()
        await is_well(made)


for each_way in WAYS:
    threaded_cases(each_way)
for each_way in WAYS:
    asyncio_cases(each_way)
run()
