"""Black in openings.mjs: python-socketio, starting on long-polling and upgrading, one connection a
game.

Talks with openings.mjs by JSON lines: it gets {"game", "code", "moves", "probe", "uci"} to play a
game, {"game", "go"} to pass a point where both sides wait for each other and {"game", "stop"} when
white has given up; it says {"game", "said"} at such a point, {"game", "failed"} when something is
wrong, and {"game", "left": true} at the end.
The position that the moves imply is worked out here by python-chess, independently of openings.mjs.
"""

import asyncio
import json
import sys

import chess
import socketio
from python_harness import URL, WAIT_S

LOBBY = "/lobby"


class Wrong(Exception):
    """Something else than what should have happened."""


def expect(seen, expected, what):
    if seen != expected:
        raise Wrong(f"{what}: expected {expected!r}, seen {seen!r}")


class Pushes:
    """Everything the server pushed, its versions checked, and waiting for what is still to come."""

    def __init__(self, client):
        self.version = None
        self.waiting = []
        self.moved, self.changes, self.states = [], [], []
        self.arrived = asyncio.Condition()
        self.problem = None
        client.on("changed", self.on_changed, namespace=LOBBY)
        client.on("event", self.on_event, namespace=LOBBY)
        client.on("state", self.on_state, namespace=LOBBY)

    def count_from(self, version):
        """Versions build on that of the lobby as it was joined."""
        self.version = version
        for early in self.waiting:
            self.counted(early)

    def counted(self, version):
        if self.version is None:
            self.waiting.append(version)
            return
        if version != self.version + 1:
            self.problem = f"version {version} after {self.version}"
        self.version = version

    async def on_changed(self, push):
        self.counted(push["version"])
        self.changes.append(push["change"])
        await self.wake()

    async def on_event(self, push):
        self.counted(push["version"])
        self.moved.append(push)
        await self.wake()

    async def on_state(self, push):
        self.states.append(push)
        await self.wake()

    async def wake(self):
        async with self.arrived:
            self.arrived.notify_all()

    async def until(self, find, what):
        """Waits until `find()` gives something other than None."""
        found = None

        def ready():
            nonlocal found
            found = find()
            return found is not None or self.problem is not None

        try:
            async with self.arrived:
                await asyncio.wait_for(self.arrived.wait_for(ready), WAIT_S)
        except asyncio.TimeoutError:
            raise Wrong(f"{what}: not within {WAIT_S} s") from None
        if self.problem:
            raise Wrong(self.problem)
        return found

    async def change(self, kind):
        return await self.until(
            lambda: next((c for c in self.changes if c["type"] == kind), None), kind
        )

    async def move(self, ply):
        """The event of the move with this number, from 1."""
        push = await self.until(
            lambda: self.moved[ply - 1] if len(self.moved) >= ply else None, f"move {ply}"
        )
        expect(
            [push["turn"], push["event"]["type"], push["event"]["ply"]],
            [ply, "moved", ply],
            "the event",
        )
        return push["event"]

    async def state(self, turn):
        return await self.until(
            lambda: next((s for s in self.states if s["turn"] == turn), None),
            f"the state after {turn} actions",
        )


class Game:
    """One game, from joining by code to leaving."""

    def __init__(self, url, order):
        self.url, self.order = url, order
        self.number = order["game"]
        self.go = asyncio.Queue()

    def say(self, **words):
        print(json.dumps({"game": self.number, **words}), flush=True)

    async def meet(self, point):
        """Says that this point is reached and waits until the other side has passed it."""
        self.say(said=point)
        expect(
            await asyncio.wait_for(self.go.get(), WAIT_S), point, "the point where both sides meet"
        )

    async def run(self):
        self.client = socketio.AsyncClient(handle_sigint=False, reconnection=False)
        try:
            await self.play()
            self.say(left=True)
        except Exception as error:
            self.say(failed=f"black: {type(error).__name__}: {error}")
        finally:
            await asyncio.shield(self.client.disconnect())

    async def play(self):
        pushes = Pushes(self.client)
        await self.client.connect(self.url, namespaces=[LOBBY], wait_timeout=WAIT_S)
        expect(self.client.transport(), "websocket", "the transport after long-polling")
        joined = await self.accepted("join", {"code": self.order["code"], "name": "black"})
        expect(joined["seat"], 1, "the seat")
        pushes.count_from(joined["lobby"]["version"])
        await self.accepted("ready", {"ready": True})
        await pushes.change("started")
        board = chess.Board()
        if self.order["probe"]:
            await self.refused(self.wire_move("e7e5"), "E_TURN")
            await self.meet("black tried out of turn")
        for ply, san in enumerate(self.order["moves"], 1):
            await self.one_move(pushes, board, ply, san)
        if self.order["probe"] and len(self.order["moves"]) == 1:
            await self.meet("white tried out of turn")
        state = await pushes.state(len(self.order["moves"]))
        expect(state["view"]["fen"], board.fen(en_passant="legal"), "the position in the end")
        expect(state["view"]["moves"], self.order["moves"], "the moves in the end")
        if self.order["probe"]:
            await self.end(pushes, board)
        await self.meet("position compared")
        await self.accepted("leave")

    async def one_move(self, pushes, board, ply, san):
        ours = board.turn == chess.BLACK
        move = board.parse_san(san)
        if ours:
            if self.order["probe"] and ply == 2:
                await self.meet("white tried out of turn")
                for nonsense in ["e7e4", "Kd5", "e9", "", "O-O-O-O"]:
                    await self.refused(self.wire_move(nonsense), "E_ILLEGAL_MOVE")
            reply = await self.accepted(
                "action", self.wire_move(move.uci() if self.order["uci"] else san)
            )
            expect(reply["turn"], ply, "the turn of the ack")
        event = await pushes.move(ply)
        expect(
            [event["side"], event["san"]],
            ["black" if ours else "white", board.san(move)],
            f"move {ply}",
        )
        board.push(move)

    async def end(self, pushes, board):
        """Black gives up; then nothing more is accepted and the position stays."""
        await self.accepted("action", {"type": "resign"})
        finished = await pushes.change("finished")
        expect(finished["outcome"], {"winners": [0], "reason": "resignation"}, "the outcome")
        for action in [self.wire_move("e7e5"), self.wire_move("xyz"), {"type": "resign"}]:
            await self.refused(action, "E_MATCH_OVER")
        state = await pushes.state(len(self.order["moves"]) + 1)
        expect(state["view"]["fen"], board.fen(en_passant="legal"), "the position after the end")
        expect(state["outcome"], finished["outcome"], "the outcome in the state")

    @staticmethod
    def wire_move(text):
        return {"type": "move", "move": text}

    async def ask(self, event, *args):
        return await self.client.call(event, tuple(args), namespace=LOBBY, timeout=WAIT_S)

    async def accepted(self, event, *args):
        reply = await self.ask(event, *args)
        expect(reply.get("ok"), True, f"the reply to {event} {args}: {reply}: ok")
        return reply

    async def refused(self, action, code):
        reply = await self.ask("action", action)
        expect([reply.get("ok"), reply.get("code")], [False, code], f"the reply to {action}")


async def main():
    lines = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    games = {}
    while line := await lines.readline():
        order = json.loads(line)
        game, task = games.get(order["game"], (None, None))
        if "moves" in order:
            game = Game(URL, order)
            task = asyncio.create_task(game.run())
            games[game.number] = (game, task)
            task.add_done_callback(lambda _, number=game.number: games.pop(number))
        elif game and "go" in order:
            game.go.put_nowait(order["go"])
        elif game and "stop" in order:
            task.cancel()
    for _, task in list(games.values()):
        task.cancel()
    await asyncio.gather(*(task for _, task in games.values()), return_exceptions=True)


asyncio.run(main())
