"""What a larger machine should hold by the figures of this one, and what would stop it first."""

import statistics

import table
from places import figure

CORES = 16
#: Share of a core that a server of games should use at most, so that ticks stay on time.
LOAD = 0.7
HZ = 20
STATE_BYTES = 200
#: Ethernet, IP, TCP and WebSocket around each.
AROUND_BYTES = 14 + 20 + 32 + 4


def markdown(runs):
    cost = middle(runs, "tick-250x4", "cpu_s_per_m")
    memory = middle(runs, "connect-10k", "rss_kib_per_conn")
    connect = middle(runs, "connect-5k", "cpu_s_per_1k_conn")
    if not cost:
        return "Nothing without a round of tick-250x4 that counts."
    per_core = LOAD * 1e6 / cost
    in_all = CORES * per_core
    players = in_all / HZ
    bits = in_all * (STATE_BYTES + AROUND_BYTES) * 8
    lines = [
        f"By `tick-250x4` a core at {LOAD:.0%} sends {figure(per_core)} states a second, {CORES} "
        f"cores {figure(in_all)}: {figure(players)} players at {HZ} Hz, if each core has lobbies "
        "of its own and the receivers are elsewhere. (Over loopback the sender pays for the "
        "receiver's TCP too; a network card's interrupts are not in it.)", "",
        f"- Open files: {figure(players)} are needed; a process usually gets 1,024 (`ulimit -n`).",
        f"- Network: {bits / 1e9:.1f} Gbit/s in {figure(in_all)} packets a second, as many acks "
        "back: more than a card of 1 Gbit/s, and for most rented machines the packets are what "
        "stops first." if bits > 1e9 else
        f"- Network: {bits / 1e9:.2f} Gbit/s in {figure(in_all)} packets a second."]
    if memory:
        lines.append(f"- Memory: {players * memory / 1024**2:.2f} GiB of the server's own "
                     f"({memory:.1f} KiB each); the kernel's comes on top.")
    if connect:
        lines.append(f"- All of them back after a restart: {players / 1000 * connect / CORES:.1f} s "
                     "on all cores.")
    return "\n".join(lines)


def middle(runs, scenario, key):
    row = table.Row(scenario, "", key)
    values = [run[key] for run in table.runs_of(runs, row)
              if run["label"] == "parlor" and table.is_fine(run, row)]
    return statistics.median(values) if values else None
