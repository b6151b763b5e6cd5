"""What servers use while their clients are idle, by the clock of the whole process.

The generator adds up the threads that live at the end and takes off what they and others had used
at the start. A thread that ends in between (a collector's, a compiler's) takes what it had used
before out of the sum, so that a server which has such looks cheaper than it is. The kernel's clock
of the process keeps what ended threads used.
"""

import json
import pathlib
import subprocess
import time

from places import read_lines

#: At the end of a run, all pings among it; the generator's own idle time is two seconds longer.
SECONDS = 24
KEY = "idle_process_cpu_pct"


def run(command, environment, generator, results):
    """Runs the bench of all peers, and adds the figure to the results that it writes."""
    n_before = len(read_lines(results))
    samples = {}
    running = subprocess.Popen(command, env=environment)
    while running.poll() is None:
        for label, pid in servers(generator):
            try:
                # The clock's name: linux/posix-timers_types.h, CPUCLOCK_SCHED of a process.
                used = time.clock_gettime((~pid << 3) | 2)
            except OSError:
                continue
            samples.setdefault(label, []).append((time.monotonic(), used))
        time.sleep(0.1)
    runs = read_lines(results)
    for found in runs[n_before:]:
        found[KEY] = share(samples.get(found["label"], []))
    results.write_text("".join(json.dumps(found) + "\n" for found in runs))
    if running.returncode != 0:
        raise SystemExit(f"{command}: {running.returncode}")


def servers(generator):
    """Label and process of each server that a generator has started."""
    for path in pathlib.Path("/proc").glob("[0-9]*/task/*/children"):
        try:
            words = (path.parents[2] / "cmdline").read_text().split("\0")
            children = path.read_text().split()
        except OSError:
            continue
        if words[0] == str(generator) and children:
            yield words[words.index("--label") + 1], int(children[0])


def share(samples):
    """Per cent of a core in the last seconds; `None` if it did not run so long."""
    if not samples:
        return None
    end, used = samples[-1]
    start, used_before = min(samples, key=lambda sample: abs(sample[0] - (end - SECONDS)))
    if end - start < SECONDS - 1:
        return None
    return (used - used_before) / (end - start) * 100
