"""Many requests at once: this package beside the openai SDK, litellm and the raw floor, against one loopback server.

    python -m tests.benchmarks.bench_many                  # 2,000 requests of 50 ms, 64 and 256 at a time
    python -m tests.benchmarks.bench_many --rows 100000    # memory and cost per row of a long run, and its resume
    python -m tests.benchmarks.bench_many --dask 10000     # two Dask workers, one of them killed in the middle

Each contender runs in a process of its own, one after the other, with a warm-up; wall time over the ideal, and CPU of
the client's process for each request. Server and contender have a CPU each, where the system lets us say so: else they
push each other around, and the faster client suffers more. Those that are not installed are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

DELAY_S = 0.05

_SERVER = """
import asyncio, json, sys
usage = {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15}
def head(kind, content):
    head = b"HTTP/1.1 200 OK\\r\\nContent-Type: %s\\r\\nContent-Length: %d\\r\\n\\r\\n"
    return head % (kind, len(content)) + content
base = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage}
message = {"role": "assistant", "content": "fine"}
whole = {**base, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
WHOLE = head(b"application/json", json.dumps(whole).encode())
part = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
chunks = [
    {**part, "choices": [{"index": 0, "delta": {"content": "fine"}, "finish_reason": None}]},
    {**part, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {**part, "choices": [], "usage": usage},
]
lines = b"".join(b"data: " + json.dumps(chunk).encode() + b"\\n\\n" for chunk in chunks) + b"data: [DONE]\\n\\n"
STREAM = head(b"text/event-stream", lines)
class Server(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data = transport, b""
    def data_received(self, data):
        self.data += data
        head, found, body = self.data.partition(b"\\r\\n\\r\\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\\r\\n")[0]) if found else 0
        if found and len(body) >= length:
            answer = STREAM if b'"stream":true' in body or b'"stream": true' in body else WHOLE
            self.data = b""
            asyncio.get_running_loop().call_later(DELAY, self.transport.write, answer)
async def main():
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
DELAY = float(sys.argv[1])
asyncio.run(main())
"""


async def _bounded(count: int, most: int, ask: Callable[[int], Awaitable[object]]) -> None:
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await ask(number)

    await asyncio.gather(*(work() for _worker in range(most)))


def ours(url: str, count: int, most: int, *, stream: bool = False) -> None:
    from wcode_jupyter import Client

    with Client(base_url=url, model="m", concurrency=most, log=False, stream=stream) as client:
        _measured(lambda n: client.map("Say {{value}}", range(n), progress=False), count, most)


def ours_streamed(url: str, count: int, most: int) -> None:
    ours(url, count, most, stream=True)


def ours_default(url: str, count: int, most: int) -> None:
    """As a user has it without any option: log, streaming and progress."""
    from wcode_jupyter import Client

    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder
        with Client(base_url=url, model="m", concurrency=most) as client:
            _measured(lambda n: client.map("Say {{value}}", range(n)), count, most)


def aiohttp(url: str, count: int, most: int) -> None:
    """The same body, streamed, and the whole answer read."""
    import aiohttp as package

    async def run(n: int) -> None:
        connector = package.TCPConnector(limit=most)
        async with package.ClientSession(connector=connector) as session:

            async def ask(number: int) -> None:
                message = {"role": "user", "content": f"Say {number}"}
                body = {"model": "m", "messages": [message], "stream": True, "stream_options": {"include_usage": True}}
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    await response.read()

            await _bounded(n, most, ask)

    _measured(lambda n: asyncio.run(run(n)), count, most)


def openai(url: str, count: int, most: int) -> None:
    from openai import AsyncOpenAI

    async def run(client: AsyncOpenAI, n: int) -> None:
        async def ask(number: int) -> None:
            message = {"role": "user", "content": f"Say {number}"}
            await client.chat.completions.create(model="m", messages=[message])  # type: ignore[list-item]

        await _bounded(n, most, ask)

    client = AsyncOpenAI(base_url=url, api_key="x", max_retries=0)
    loop = asyncio.new_event_loop()
    _measured(lambda n: loop.run_until_complete(run(client, n)), count, most)


def litellm(url: str, count: int, most: int) -> None:
    import litellm as package

    async def run(n: int) -> None:
        async def ask(number: int) -> None:
            messages = [{"role": "user", "content": f"Say {number}"}]
            await package.acompletion(model="openai/m", api_base=url, api_key="x", messages=messages)

        await _bounded(n, most, ask)

    loop = asyncio.new_event_loop()
    _measured(lambda n: loop.run_until_complete(run(n)), count, most)


def floor(url: str, count: int, most: int) -> None:
    import msgspec

    port = int(url.split(":")[2].split("/")[0])

    async def run(n: int) -> None:
        numbers = iter(range(n))

        async def work() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for number in numbers:
                message = {"role": "user", "content": f"Say {number}"}
                body = msgspec.json.encode({"model": "m", "messages": [message]})
                writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
                msgspec.json.decode(await reader.readexactly(length))
            writer.close()

        await asyncio.gather(*(work() for _worker in range(most)))

    _measured(lambda n: asyncio.run(run(n)), count, most)


CONTENDERS = {one.__name__: one for one in (floor, aiohttp, ours, ours_streamed, ours_default, openai, litellm)}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _measured(run: Callable[[int], object], count: int, most: int) -> None:
    run(most)
    started, cpu = time.perf_counter(), _cpu_s()
    run(count)
    wall, cpu = time.perf_counter() - started, _cpu_s() - cpu
    ideal = count * DELAY_S / most
    print(json.dumps({"wall_s": wall, "over_ideal": wall / ideal, "cpu_ms": 1000 * cpu / count, "rps": count / wall}))


def long_run(url: str, count: int, most: int) -> None:
    """1,000 rows for the cost of a row, then `count`, then the same once more from the run file."""
    from wcode_jupyter import Client

    with (
        Client(base_url=url, model="m", concurrency=most, log=False) as client,
        tempfile.TemporaryDirectory() as folder,
    ):
        file = Path(folder, "r.run.jsonl")
        client.map("Say {{value}}", range(most), progress=False)
        costs = {}
        for rows in (1000, count):
            cpu = _cpu_s()
            client.map("Row {{value}}", range(rows), run_file=file.with_suffix(f".{rows}"), progress=False)
            costs[rows] = 1000 * (_cpu_s() - cpu) / rows
        started = time.perf_counter()
        again = client.map("Row {{value}}", range(count), run_file=file.with_suffix(f".{count}"), progress=False)
        found = {
            "rows": len(again),
            "cpu_ms_a_row": costs,
            "ratio": costs[count] / costs[1000],
            "resume_s": time.perf_counter() - started,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        print(json.dumps(found))


def dask_run(count: int, most: int) -> None:
    """`count` rows over two workers, `most` at once; what the server saw of it."""
    import distributed

    from tests.batch.strict_server import StrictServer
    from wcode_jupyter import Client

    with (
        StrictServer(delay_s=DELAY_S) as server,
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as workers,
        distributed.Client(workers) as dask,
        Client(base_url=server.base_url, model="m", concurrency=most, log=False) as client,
    ):
        rows = [{"number": number} for number in range(count)]
        run = client.run("Row {{number}}", rows, engine=dask)
        run.start(client.event_loop)
        server.wait_answered(count // 2, 600)
        os.kill(next(iter(dask.run(os.getpid).values())), signal.SIGKILL)
        run.wait()
        found = {
            "rows": len(run.replies),
            "right": sum(reply.text == str(number) for number, reply in enumerate(run.replies)),
            "asked": server.answered,
            "allowed_at_once": most,
            "peak_at_server": server.peak,
            "over_ideal": run.progress().seconds / (count * DELAY_S / most),
        }
        print(json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--at-once", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--only", nargs="+", default=list(CONTENDERS))
    parser.add_argument("--rows", type=int, help="a long run of so many rows instead")
    parser.add_argument("--dask", type=int, help="so many rows over two Dask workers instead")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _stay_on(1)
        name, url, count, most = options.child
        (long_run if name == "long_run" else CONTENDERS[name])(url, int(count), int(most))
        return
    if options.dask:
        dask_run(options.dask, 64)
        return
    delay = 0.0 if options.rows else DELAY_S
    command = [sys.executable, "-c", _SERVER, str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        _stay_on(0, server.pid)
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        try:
            if options.rows:
                print(_child("long_run", url, options.rows, 64))
                return
            for most in options.at_once:
                for name in options.only:
                    print(f"{most:4} at once  {name:14} {_child(name, url, options.requests, most)}", flush=True)
        finally:
            server.kill()


def _stay_on(number: int, pid: int = 0) -> None:
    """Keeps a process (0: this one) on one CPU."""
    if hasattr(os, "sched_setaffinity") and len(cpus := sorted(os.sched_getaffinity(0))) > 1:
        os.sched_setaffinity(pid, {cpus[number]})


def _child(name: str, url: str, count: int, most: int) -> str:
    command = [sys.executable, "-m", "tests.benchmarks.bench_many", "--child", name, url, str(count), str(most)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return "left out: " + (done.stderr.strip().splitlines() or ["?"])[-1]
    found = json.loads(done.stdout.splitlines()[-1])
    return "  ".join(
        f"{key} {value:.2f}" if isinstance(value, float) else f"{key} {value}" for key, value in found.items()
    )


if __name__ == "__main__":
    main()
