"""python-socketio 5 as a peer in /signal, against `parlor dev`: a signal and frames of both kinds, by
each way to connect.

    python python_signal.py --url http://127.0.0.1:PORT [--only TEXT] [--verbose]
"""

import contextlib
import json
import pathlib

from python_harness import URL, WAIT_S, WAYS, Client, Inbox, check, equal, run

DATA = pathlib.Path(__file__).parents[1] / "data" / "signals-of-chromium.json"
OFFER = json.loads(DATA.read_text())["first"]["offer"]
RELIABLE = bytes([4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) + bytes(range(256))
VOLATILE = bytes([5, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7]) + b"newest"


def accepted(client, event, data, namespace):
    reply = client.call(event, data, namespace=namespace, timeout=WAIT_S)
    equal(reply["ok"], True, f"whether {event} is accepted: {reply}")
    return reply


def peer_cases(way):
    transports, _ = WAYS[way]

    @check(f"{way}: a signal and frames reach the other peer, as they were")
    def _():
        with contextlib.ExitStack() as undo:
            peers, told = [], []
            for seat in range(2):
                client = Client(handle_sigint=False, reconnection=False)
                undo.callback(client.disconnect)
                told.append({name: Inbox(client, name, "/signal")
                             for name in ("signal", "reliable", "volatile")})
                client.connect(URL, transports=transports, namespaces=["/lobby", "/signal"])
                if seat == 0:
                    made = accepted(client, "create", {"game": "relay", "name": "Ada"}, "/lobby")
                else:
                    join = {"code": made["lobby"]["code"], "name": "Bob"}
                    accepted(client, "join", join, "/lobby")
                token = accepted(client, "peer", None, "/lobby")["token"]
                joined = accepted(client, "join", {"token": token}, "/signal")
                peers.append(client)
            link = joined["links"][0]["link"]
            signal = {"link": link, "generation": 0, "description": OFFER}
            accepted(peers[1], "signal", signal, "/signal")
            equal(told[0]["signal"].next(), [{**signal, "from": 2}], "the signal")
            peers[1].emit("reliable", (link, RELIABLE), namespace="/signal")
            peers[1].emit("volatile", (link, VOLATILE), namespace="/signal")
            equal(told[0]["reliable"].next(), [link, RELIABLE], "the reliable frame")
            equal(told[0]["volatile"].next(), [link, VOLATILE], "the volatile frame")


for each in WAYS:
    peer_cases(each)
run()
