"""CPU cost of parsing one streamed answer of many chunks, ours beside others, in one run on this machine.

    python -m tests.benchmarks.bench_parse [CHUNKS]

A server process on loopback sends an answer of 100,000 chunks with chunked transfer encoding, one HTTP chunk per event
as real servers do. Each reader runs in a fresh process and reads the same bytes; the best of three runs counts, in CPU
time of the reader alone. Wanted: ours at most 1.3 times httpx `iter_bytes` alone, and at least 8 times less than the
openai SDK. Trust the ratios, not the seconds.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

RUNS = 3
WORDS = ["The", " answer", " is", " a", " long", " text", ",", " 你好", " with", " tokens", ".\n"]


def body(chunks: int) -> list[bytes]:
    """The events of the answer: text as a gateway sends it, a finish reason, usage, `[DONE]`."""
    head = {
        "id": "chatcmpl-t1772859258s123r0123456789abcdef01234567",
        "object": "chat.completion.chunk",
        "created": 1772859258,
        "model": "z-ai/glm-5",
    }

    def event(**fields: object) -> bytes:
        return b"data: " + json.dumps({**head, **fields}, ensure_ascii=False).encode() + b"\n\n"

    events = [
        event(choices=[{"index": 0, "delta": {"content": WORDS[i % len(WORDS)]}, "finish_reason": None}])
        for i in range(chunks)
    ]
    events.append(event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    usage = {"prompt_tokens": 9, "completion_tokens": chunks, "total_tokens": 9 + chunks}
    events.append(event(choices=[], usage=usage))
    return [*events, b"data: [DONE]\n\n"]


def serve(listener: socket.socket, chunks: int) -> None:
    """Answers every request with the same stream; several events may share a TCP segment."""
    pieces = [b"%x\r\n%b\r\n" % (len(event), event) for event in body(chunks)]
    status = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    answer = b"".join([status, *pieces, b"0\r\n\r\n"])
    while True:
        connection, _address = listener.accept()
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            name, _, rest = head.partition(b"\r\n\r\n")
            missing = int(name.lower().split(b"content-length:")[1].split()[0]) - len(rest)
            while missing > 0:
                missing -= len(connection.recv(65536))
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


REQUEST = {"model": "z-ai/glm-5", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def raw_socket(port: int) -> int:
    """The floor: no HTTP library, no decoder; chunk frames dropped by hand, JSON by msgspec."""
    import msgspec

    decode = msgspec.json.Decoder().decode
    content = json.dumps(REQUEST).encode()
    characters = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(content)
        connection.sendall(head + content)
        rest = b""
        while data := connection.recv(65536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.startswith(b"data: {"):
                    choices = decode(line[6:])["choices"]
                    characters += len(choices[0]["delta"].get("content", "")) if choices else 0
    return characters


def _httpx(port: int, how: str, with_decoder: bool) -> int:
    import httpx

    from wcode_jupyter import wire
    from wcode_jupyter.reply.events import TextDelta
    from wcode_jupyter.request.messages import Message, Request

    decoder = wire.decoder(Request(model="z-ai/glm-5", messages=(Message("user", "hi"),)))
    characters = 0
    with (
        httpx.Client(trust_env=False) as client,
        client.stream("POST", f"http://127.0.0.1:{port}/v1/chat/completions", json=REQUEST) as response,
    ):
        for data in getattr(response, how)():
            if not with_decoder:
                characters += len(data)
                continue
            for event in decoder.feed(data):
                if type(event) is TextDelta:
                    characters += len(event.text)
    if with_decoder:
        decoder.finish()
        assert decoder.done
    return characters


def httpx_iter_bytes(port: int) -> int:
    """httpx alone."""
    return _httpx(port, "iter_bytes", False)


def httpx_iter_raw(port: int) -> int:
    """httpx alone, without its content decoding."""
    return _httpx(port, "iter_raw", False)


def ours_iter_bytes(port: int) -> int:
    """httpx and our decoder."""
    return _httpx(port, "iter_bytes", True)


def ours_iter_raw(port: int) -> int:
    """httpx without its content decoding, and our decoder."""
    return _httpx(port, "iter_raw", True)


def openai_sdk(port: int) -> int:
    """The openai SDK, the same sum."""
    import openai

    client = openai.OpenAI(api_key="none", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)
    characters = 0
    stream = client.chat.completions.create(**REQUEST)  # type: ignore[call-overload]
    for chunk in stream:
        if chunk.choices:
            characters += len(chunk.choices[0].delta.content or "")
    return characters


def measure(reader: Callable[[int], int], port: int, pipe: Connection) -> None:
    """Sends (CPU seconds, result); imports are paid before the clock starts."""
    try:
        import httpx  # noqa: F401

        if reader is openai_sdk:
            import openai  # noqa: F401
    except ImportError as error:
        pipe.send((None, str(error)))
        return
    start = time.process_time()
    result = reader(port)
    pipe.send((time.process_time() - start, result))


def best(reader: Callable[[int], int], port: int) -> tuple[float | None, object]:
    """The best CPU seconds of several fresh processes."""
    context = multiprocessing.get_context("spawn")
    found: list[tuple[float, object]] = []
    for _run in range(RUNS):
        ours, theirs = context.Pipe()
        process = context.Process(target=measure, args=(reader, port, theirs))
        process.start()
        seconds, result = ours.recv()
        process.join()
        if seconds is None:
            return None, result
        found.append((seconds, result))
    return min(found, key=lambda item: item[0])


def main(chunks: int) -> None:
    """Prints a line per reader and the two ratios that count."""
    context = multiprocessing.get_context("spawn")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = context.Process(target=serve, args=(listener, chunks), daemon=True)
        server.start()
        readers = [raw_socket, httpx_iter_raw, httpx_iter_bytes, ours_iter_raw, ours_iter_bytes, openai_sdk]
        cpu: dict[str, float] = {}
        sums = set()
        for reader in readers:
            seconds, result = best(reader, port)
            if seconds is None:
                print(f"{reader.__name__:>18}: skipped, {result}")
                continue
            cpu[reader.__name__] = seconds
            if not reader.__name__.startswith("httpx"):
                sums.add(result)
            print(f"{reader.__name__:>18}: {seconds:6.2f} s CPU, {1e6 * seconds / chunks:6.1f} us a chunk")
        server.terminate()
        server.join()
    assert len(sums) == 1, f"the readers disagree on the text: {sums}"
    base = cpu["httpx_iter_bytes"]
    print(f"ours / httpx iter_bytes: {cpu['ours_iter_bytes'] / base:.2f} with iter_bytes (wanted: at most 1.3)")
    print(f"                         {cpu['ours_iter_raw'] / base:.2f} with iter_raw")
    if "openai_sdk" in cpu:
        print(f"openai SDK / ours:       {cpu['openai_sdk'] / cpu['ours_iter_bytes']:.1f} (wanted: at least 8)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
