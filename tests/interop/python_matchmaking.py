"""python-socketio 5 in /matchmaking, against `parlor dev` with the queues of matchmaking/queues.toml:
two seek a match, say yes, and play a game of chess to its end, by each way to connect; a no; and
two parties that play each other.

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


def member(undo, transports):
    """A client that has asked for nothing, and what it is told of tickets, and of its party."""
    client = Client(handle_sigint=False, reconnection=False)
    inboxes = Inbox(client, "ticket", QUEUES), Inbox(client, "party:left", QUEUES)
    client.connect(URL, transports=transports, namespaces=[QUEUES, LOBBY])
    undo.callback(client.disconnect)
    return client, *inboxes


def gathered(undo, transports, queue):
    """Two in a party that waits in a queue; the first leads it."""
    both = (leader, _, _), (friend, inbox, _) = [member(undo, transports) for _ in range(2)]
    own = accepted(leader, "party:create", {"name": "Ada"})
    code = own["party"]["code"]
    joined = accepted(friend, "party:join", {"code": code.lower(), "name": "Ada"})
    names = [one["name"] for one in joined["party"]["members"]]
    equal((len(set(names)), joined["party"]["leader"]), (2, own["member"]), "names, and who leads")
    refused = asked(leader, "create", {"queue": queue, "party": True})
    equal(refused["code"], "E_NOT_READY", "before the other is ready")
    accepted(friend, "party:ready", {"ready": True})
    equal(asked(friend, "create", {"queue": queue, "party": True})["code"], "E_PARTY", "the friend")
    accepted(leader, "create", {"queue": queue, "party": True})
    equal(told(inbox, "queued")["queue"], queue, "what the friend hears")
    return both


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

    @check(f"{way}: two parties play two against two")
    def _():
        with contextlib.ExitStack() as undo:
            teams = []
            for party in [gathered(undo, transports, "teams") for _ in range(2)]:
                for client, inbox, _ in party:
                    assignment = told(inbox, "assigned")["assignment"]
                    accepted(client, "resume", {"token": assignment["token"]}, LOBBY)
                    teams.append(assignment["team"])
            equal((teams[0], teams[2]), (teams[1], teams[3]), "the teams")
            equal(sorted(teams), [0, 0, 1, 1], "of two each")

    @check(f"{way}: who has no account comes back to a party by its token")
    def _():
        with contextlib.ExitStack() as undo:
            (leader, _, _), (friend, _, _) = gathered(undo, transports, "teams")
            own = accepted(friend, "party")
            friend.disconnect()
            again, _, _ = member(undo, transports)
            equal(asked(again, "party")["code"], "E_PARTY", "without it")
            equal(accepted(again, "party", {"token": own["token"]})["member"], own["member"], "with")
            accepted(leader, "cancel")

    @check(f"{way}: a party that one leaves waits no more")
    def _():
        with contextlib.ExitStack() as undo:
            (_, inbox, _), (friend, own, left) = gathered(undo, transports, "teams")
            accepted(friend, "party:leave")
            equal(left.next(), [{"reason": "left"}], "what who leaves hears")
            for each in (inbox, own):
                equal(told(each, "ended")["reason"], "party_changed", "why the ticket has ended")


for each in WAYS:
    cases(each)
run()
