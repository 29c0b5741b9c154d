#!/usr/bin/env python3
"""asyncio's side of the examples of protocols.

    with_asyncio.py client EXAMPLE PORT...    talks to servers on these ports, all at once
    with_asyncio.py server EXAMPLE            is a server, and prints its port
"""

import asyncio
import json
import sys


def expect(what, expected):
    if what != expected:
        raise AssertionError("expected %r, got %r" % (expected, what))


async def read_netstring(reader):
    length = int((await reader.readuntil(b":"))[:-1])
    string = await reader.readexactly(length)
    expect(await reader.readexactly(1), b",")
    return string


def netstring(value):
    string = json.dumps(value).encode()
    return b"%d:%s," % (len(string), string)


async def line_echo(reader, writer):
    lines = [b"x" * length + b"\r\n" for length in [0, 1, 100, 16000] * 25]
    # A piece at a time, none of which is a line.
    whole = b"".join(lines)

    async def send():
        for begin in range(0, len(whole), 777):
            writer.write(whole[begin : begin + 777])
            await writer.drain()

    sending = asyncio.ensure_future(send())
    for line in lines:
        expect(await reader.readuntil(b"\r\n"), line)
    await sending
    # The writing direction ends, and the last answers still come.
    writer.write(b"last\r\n")
    writer.write_eof()
    expect(await reader.read(), b"last\r\n")


async def netstring_rpc(reader, writer):
    calls = [("later", [100]), *(("add", [n, n]) for n in range(100))]
    for number, (method, params) in enumerate(calls):
        writer.write(netstring({"id": number, "method": method, "params": params}))
    answers = [json.loads(await read_netstring(reader)) for _ in calls]
    expect(answers[-1], {"id": 0, "result": "now"})
    for answer in answers[:-1]:
        expect(answer["result"], 2 * (answer["id"] - 1))
    writer.write(b"01:x,")
    expect(await reader.read(), b"")


async def chat_rooms(reader, writer):
    writer.write(b"cat\r\n/join asyncio\r\nhi\r\n/who\r\n/quit\r\n")
    heard = b"what is your name?\r\nhello cat\r\n* cat has joined asyncio\r\n<cat> hi\r\nin asyncio: cat\r\n"
    expect(await reader.read(), heard)


async def memcached(reader, writer):
    async def ask(command, lines=1):
        writer.write(command)
        return b"".join([await reader.readuntil(b"\r\n") for _ in range(lines)])

    expect(await ask(b"flush_all\r\n"), b"OK\r\n")
    expect(await ask(b"set a 5 0 3\r\nabc\r\nget a b\r\n", 4), b"STORED\r\nVALUE a 5 3\r\nabc\r\nEND\r\n")
    expect(await ask(b"set n 0 0 1 noreply\r\n1\r\nincr n 41\r\n"), b"42\r\n")
    expect(await ask(b"touch n 100\r\ntouch x 100\r\n", 2), b"TOUCHED\r\nNOT_FOUND\r\n")
    expect(await ask(b"fly\r\n"), b"ERROR\r\n")
    writer.write(b"quit\r\n")
    expect(await reader.read(), b"")


async def smtp_dialogue(reader, writer):
    # All at once, as some clients do.
    writer.write(
        b"EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n..dot\r\n.\r\nMAIL\r\nQUIT\r\n"
    )
    codes = [line[:3] for line in (await reader.read()).splitlines()]
    expect(codes, [b"220", b"250", b"250", b"250", b"354", b"250", b"501", b"221"])


async def key_value(reader, writer):
    for question in [b"PUT x 1\r\nGET x\r\nGE", b"T y\r\nfly\r\n", b"GET x\r\nQUIT\r\nGET x\r\n"]:
        writer.write(question)
        await asyncio.sleep(0)
    expect(await reader.read(), b"stored\r\n1\r\nnothing\r\nwhat?\r\n1\r\ngoodbye\r\n")


async def serve_lines(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def serve_rpc(reader, writer):
    async def answer(call):
        if call["method"] == "later":
            await asyncio.sleep(call["params"][0] / 1000)
            result = {"result": "now"}
        elif call["method"] == "add":
            result = {"result": sum(call["params"])}
        else:
            result = {"error": "no such method"}
        writer.write(netstring({"id": call["id"], **result}))

    answers = set()
    try:
        while True:
            task = asyncio.ensure_future(answer(json.loads(await read_netstring(reader))))
            answers.add(task)
            task.add_done_callback(answers.discard)
    except asyncio.IncompleteReadError:
        writer.close()


async def serve_chat(reader, writer):
    writer.write(b"what is your name?\r\n")
    name = (await reader.readline()).strip()
    writer.write(b"hello " + name + b"\r\n")
    while (line := (await reader.readline()).strip()) != b"/quit":
        if line.startswith(b"/join "):
            writer.write(b"* " + name + b" has joined " + line[6:] + b"\r\n")
        else:
            writer.write(b"<" + name + b"> " + line + b"\r\n")
    writer.close()


async def serve_mail(reader, writer):
    writer.write(b"220-hello\r\n220 there\r\n")
    while command := (await reader.readline()).upper().strip():
        if command == b"DATA":
            writer.write(b"354 go on\r\n")
            text = await reader.readuntil(b"\r\n.\r\n")
            expect(text, b"Subject: dots\r\n\r\n..\r\n...and more\r\n.\r\n")
        writer.write(b"221 bye\r\n" if command == b"QUIT" else b"250-yes\r\n250 indeed\r\n")
    writer.close()


CLIENTS = {
    "line_echo": line_echo,
    "netstring_rpc": netstring_rpc,
    "chat_rooms": chat_rooms,
    "memcached": memcached,
    "smtp_dialogue": smtp_dialogue,
    "key_value": key_value,
}
SERVERS = {
    "line_echo": serve_lines,
    "netstring_rpc": serve_rpc,
    "chat_rooms": serve_chat,
    "smtp_dialogue": serve_mail,
}


async def talk(example, port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await CLIENTS[example](reader, writer)
    writer.close()


async def talk_to_all(example, ports):
    await asyncio.gather(*(talk(example, port) for port in ports))


async def serve(example):
    server = await asyncio.start_server(SERVERS[example], "127.0.0.1", 0)
    print("listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main():
    role, example, *ports = sys.argv[1:]
    asyncio.run(serve(example) if role == "server" else talk_to_all(example, map(int, ports)))


if __name__ == "__main__":
    main()
