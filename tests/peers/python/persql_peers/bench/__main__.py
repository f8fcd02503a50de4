"""One store at work: `python -m persql_peers.bench <framework> <store> <data>`.

A line of JSON comes in for each thing to do: a case to set up, or for how many seconds to work. A line goes out when it
is done.
"""

import asyncio
import json
import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time
from threading import Thread
from typing import Any

from .work import Case, Work

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)


def done(work: Work, seconds: float) -> dict[str, Any]:
    """Works that long. What ends later does not count where several work."""
    started, used = perf_counter(), process_time()
    until = started + seconds
    if work.restore is not None:
        return restoring(work, until)
    operations = [0] * len(work.callers)
    lone = len(operations) == 1

    def caller(number: int) -> None:
        while perf_counter() < until:
            work.callers[number]()
            operations[number] += lone or perf_counter() < until

    async def task(number: int) -> None:
        while perf_counter() < until:
            await work.callers[number]()
            operations[number] += lone or perf_counter() < until

    async def tasks() -> None:
        await asyncio.gather(*map(task, range(len(operations))))

    if work.awaits:
        loop.run_until_complete(tasks())
    elif lone:
        caller(0)
    else:
        threads = [Thread(target=caller, args=[number]) for number in range(len(operations))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    wall = perf_counter() - started if lone else seconds
    return {"operations": operations, "wall": wall, "cpu": process_time() - used}


def restoring(work: Work, until: float) -> dict[str, Any]:
    """A lone caller; what is put back after each operation is not measured."""
    operations, wall, cpu = 0, 0.0, 0.0
    while perf_counter() < until:
        started, used = perf_counter(), process_time()
        if work.awaits:
            loop.run_until_complete(work.callers[0]())
        else:
            work.callers[0]()
        cpu += process_time() - used
        wall += perf_counter() - started
        operations += 1
        work.restore()
    return {"operations": [operations], "wall": wall, "cpu": cpu}


framework, store, data = sys.argv[1:]
set_up = import_module(f".{framework.replace('-', '_')}", __package__).set_up
DATA = json.loads(Path(data).read_text("utf-8"))
work = None
for line in sys.stdin:
    told = json.loads(line)
    if "seconds" in told:
        print(json.dumps(done(work, told["seconds"])), flush=True)
    else:
        work = set_up(loop.run_until_complete, store, Case(**told, data=DATA))
        print("{}", flush=True)
