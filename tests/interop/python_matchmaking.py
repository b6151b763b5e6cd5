"""python-socketio 5 in /matchmaking, against `parlor dev` with the queues of matchmaking/queues.toml:
two seek a match, say yes, and play a game of chess to its end, by each way to connect; and a no.

    python python_matchmaking.py --url http://127.0.0.1:PORT [--only TEXT] [--verbose]
"""

import contextlib
import json
import urllib.request

from python_harness import URL, WAIT_S, WAYS, Client, Inbox, check, equal, run

MATE = ["f3", "e5", "g4", "Qh4#"]
QUEUES, LOBBY = "/matchmaking", "/lobby"


def asked(client, event, data=None, namespace=QUEUES):
    return client.call(event, data, namespace=namespace, timeout=WAIT_S)


def accepted(client, event, data=None, namespace=QUEUES):
    reply = asked(client, event, data, namespace)
    equal(reply["ok"], True, f"whether {event} is accepted: {reply}")
    return reply


def told(inbox, state):
    """The next ticket in this state; what is told before it is passed over."""
    while True:
        [ticket] = inbox.next()
        if ticket["state"] == state:
            return ticket


def guest():
    request = urllib.request.Request(f"{URL}/guest", method="POST")
    with urllib.request.urlopen(request, timeout=WAIT_S) as response:
        return {"token": json.load(response)["token"]}


def seeker(undo, transports, queue, auth=None):
    """A client with a ticket, and what it is told of it and of its match."""
    client = Client(handle_sigint=False, reconnection=False)
    inbox, changes = Inbox(client, "ticket", QUEUES), Inbox(client, "changed", LOBBY)
    client.connect(URL, transports=transports, namespaces=[QUEUES, LOBBY], auth=auth)
    undo.callback(client.disconnect)
    accepted(client, "create", {"queue": queue, "name": "Ada"})
    return client, inbox, changes


def cases(way):
    transports, _ = WAYS[way]

    @check(f"{way}: two queue, say yes, and play a game of chess to its end")
    def _():
        with contextlib.ExitStack() as undo:
            both = [seeker(undo, transports, "asked") for _ in range(2)]
            for client, inbox, _ in both:
                equal(told(inbox, "proposed")["proposal"]["players"], 2, "how many are asked")
                accepted(client, "accept")
            seats = {}
            for client, inbox, changes in both:
                assignment = told(inbox, "assigned")["assignment"]
                back = accepted(client, "resume", {"token": assignment["token"]}, LOBBY)
                equal(back["seat"], assignment["seat"], "the seat")
                seats[back["seat"]] = (client, inbox, changes)
            for _, inbox, _ in both:
                equal(told(inbox, "ended")["reason"], "matched", "why the ticket has ended")
            for ply, move in enumerate(MATE):
                accepted(seats[ply % 2][0], "action", {"type": "move", "move": move}, LOBBY)
            for _, _, changes in both:
                while (change := changes.next()[0]["change"])["type"] != "finished":
                    pass
                equal(change["outcome"], {"winners": [1], "reason": "checkmate"}, "the outcome")

    @check(f"{way}: who says no waits, and the other is at the head of the queue")
    def _():
        with contextlib.ExitStack() as undo:
            both = [seeker(undo, transports, "asked", guest()) for _ in range(2)]
            for _, inbox, _ in both:
                told(inbox, "proposed")
            (one, _, _), (two, inbox, _) = both
            equal(accepted(one, "decline")["reason"], "declined", "the answer to a no")
            ticket = told(inbox, "queued")
            equal((ticket["reason"], ticket["position"]), ("other_declined", 1), "the other's")
            equal(asked(one, "create", {"queue": "duel"})["code"], "E_COOLDOWN", "the next")
            equal(accepted(two, "cancel")["reason"], "cancelled", "the end of the other's")


for each in WAYS:
    cases(each)
run()
