"""Runs processes and measures them, since Node tells the resource use of no child.

Each line of standard input is a JSON list of runs that start together, each {"argv": [...], "env": {...}}; each line
of standard output tells what they took. The meter is small, as a child's peak memory counts from its parent's.
"""

import json
import os
import sys
import time

MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
DISCARD_OUTPUT = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]


def measure(runs):
    start = time.perf_counter()
    pids = [
        os.posix_spawnp(run["argv"][0], run["argv"], run["env"], file_actions=DISCARD_OUTPUT)
        for run in runs
    ]
    processes = []
    for pid in pids:
        _, status, usage = os.wait4(pid, 0)
        processes.append(
            {
                "exitCode": os.waitstatus_to_exitcode(status),
                "cpuMs": (usage.ru_utime + usage.ru_stime) * 1000,
                "peakBytes": usage.ru_maxrss * MAXRSS_BYTES,
            }
        )
    return {"wallMs": (time.perf_counter() - start) * 1000, "processes": processes}


for line in sys.stdin:
    print(json.dumps(measure(json.loads(line))), flush=True)
