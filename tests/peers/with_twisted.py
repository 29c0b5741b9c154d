#!/usr/bin/env python3
"""Twisted's side of the examples of protocols.

    with_twisted.py client EXAMPLE PORT...    talks to servers on these ports, one after the other
    with_twisted.py server EXAMPLE            is a server, and prints its port
"""

import json
import sys
from email.message import EmailMessage

from twisted.internet import defer, endpoints, protocol, reactor, task
from twisted.mail import smtp
from twisted.protocols import basic, memcache
from zope.interface import implementer


class Queued:
    """Puts what comes into a queue, and says when it is over."""

    def __init__(self):
        self.queue = defer.DeferredQueue()
        self.lost = defer.Deferred()

    def connectionLost(self, reason=None):
        self.lost.callback(None)


class Lines(Queued, basic.LineReceiver):
    def lineReceived(self, line):
        self.queue.put(line)


class Strings(Queued, basic.NetstringReceiver):
    def stringReceived(self, string):
        self.queue.put(string)


def connect(kind, port):
    return endpoints.connectProtocol(endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port), kind())


def expect(what, expected):
    if what != expected:
        raise AssertionError("expected %r, got %r" % (expected, what))


async def line_echo(port):
    lines = [b"x" * length for length in [0, 1, 100, 16384] * 25]
    peer = await connect(Lines, port)
    peer.transport.writeSequence([line + b"\r\n" for line in lines])
    for line in lines:
        expect(await peer.queue.get(), line)
    # One that is too long ends it.
    peer.sendLine(b"x" * 20000)
    await peer.lost


async def netstring_rpc(port):
    peer = await connect(Strings, port)
    calls = [("later", [100]), *(("add", [n, n]) for n in range(100)), ("upper", ["x"]), ("fly", [])]
    for number, (method, params) in enumerate(calls):
        peer.sendString(json.dumps({"id": number, "method": method, "params": params}).encode())
    answers = [json.loads(await peer.queue.get()) for _ in calls]
    expect(answers[-1], {"id": 0, "result": "now"})
    by_id = {answer["id"]: answer for answer in answers}
    for n in range(100):
        expect(by_id[n + 1]["result"], 2 * n)
    expect(by_id[101]["result"], "X")
    expect("error" in by_id[102], True)
    peer.transport.write(b"no netstring")
    await peer.lost


async def chat_rooms(port):
    ann, bob = [await connect(Lines, port) for _ in range(2)]
    for peer, name in [(ann, b"ann"), (bob, b"bob")]:
        expect(await peer.queue.get(), b"what is your name?")
        peer.sendLine(name)
        expect(await peer.queue.get(), b"hello " + name)
        peer.sendLine(b"/join twisted")
        expect(await peer.queue.get(), b"* " + name + b" has joined twisted")
    expect(await ann.queue.get(), b"* bob has joined twisted")
    bob.sendLine(b"hi")
    expect(await ann.queue.get(), b"<bob> hi")
    bob.sendLine(b"/quit")
    await bob.lost
    expect(await ann.queue.get(), b"* bob has left twisted")
    ann.transport.loseConnection()
    await ann.lost


async def memcached(port):
    peer = await connect(memcache.MemCacheProtocol, port)
    await peer.flushAll()
    stored = [peer.set(b"key%d" % n, b"value\r\n%d" % n, flags=n) for n in range(50)]
    expect(await defer.gatherResults(stored), [True] * 50)
    expect(await peer.get(b"key7"), (7, b"value\r\n7"))
    expect(await peer.get(b"missing"), (0, None))
    found = await peer.getMultiple([b"key1", b"missing", b"key2"])
    expect(found, {b"key1": (1, b"value\r\n1"), b"missing": (0, None), b"key2": (2, b"value\r\n2")})
    expect(await peer.add(b"key1", b"other"), False)
    expect(await peer.replace(b"missing", b"other"), False)
    expect(await peer.append(b"key1", b">"), True)
    expect(await peer.prepend(b"key1", b"<"), True)
    flags, cas, value = await peer.get(b"key1", withIdentifier=True)
    expect(value, b"<value\r\n1>")
    expect(await peer.checkAndSet(b"key1", b"10", cas), True)
    expect(await peer.checkAndSet(b"key1", b"11", cas), False)
    expect(await peer.increment(b"key1", 5), 15)
    expect(await peer.decrement(b"key1", 20), 0)
    expect(await peer.delete(b"key1"), True)
    expect(await peer.delete(b"key1"), False)
    expect((await peer.stats())[b"curr_items"], b"49")
    expect(bool(await peer.version()), True)
    large = b"x" * 1000000
    expect(await peer.set(b"large", large), True)
    expect(await peer.get(b"large"), (0, large))
    try:
        await peer.set(b"larger", large * 2)
    except memcache.ServerError:
        pass
    else:
        raise AssertionError("a value too large was stored")
    expect(await peer.get(b"key2"), (2, b"value\r\n2"))
    peer.transport.loseConnection()


async def smtp_dialogue(port):
    message = EmailMessage()
    message["Subject"] = "dots"
    message.set_content(".\n..\nthe end\n")
    sent = await smtp.sendmail("127.0.0.1", "a@example.org", ["b@example.org", "c@example.org"], message, port=port)
    expect(sent[0], 2)


async def key_value(port):
    peer = await connect(Lines, port)
    asked = [b"PUT a 1", b"GET a", b"GET b", b"fly", *[b"PUT k%d %d" % (n, n) for n in range(20)]]
    expected = [b"stored", b"1", b"nothing", b"what?"] + [b"stored"] * 20
    asked += [b"GET k%d" % n for n in range(20)]
    expected += [b"%d" % n for n in range(20)]
    for line in asked:
        peer.sendLine(line)
    for line in expected:
        expect(await peer.queue.get(), line)
    peer.sendLine(b"QUIT")
    expect(await peer.queue.get(), b"goodbye")
    await peer.lost


class EchoServer(basic.LineReceiver):
    def lineReceived(self, line):
        self.sendLine(line)


class RpcServer(basic.NetstringReceiver):
    def stringReceived(self, string):
        call = json.loads(string)
        method, params = call["method"], call["params"]
        if method == "later":
            reactor.callLater(params[0] / 1000, self.answer, call, {"result": "now"})
        elif method == "add":
            self.answer(call, {"result": sum(params)})
        else:
            self.answer(call, {"error": "no such method"})

    def answer(self, call, answer):
        self.sendString(json.dumps({"id": call["id"], **answer}).encode())


class ChatServer(basic.LineReceiver):
    name = None

    def connectionMade(self):
        self.sendLine(b"what is your name?")

    def lineReceived(self, line):
        if self.name is None:
            self.name = line
            self.sendLine(b"hello " + line)
        elif line == b"/quit":
            self.transport.loseConnection()
        elif line.startswith(b"/join "):
            self.sendLine(b"* " + self.name + b" has joined " + line[6:])
        else:
            self.sendLine(b"<" + self.name + b"> " + line)


@implementer(smtp.IMessage)
class Delivered:
    def __init__(self):
        self.lines = []

    def lineReceived(self, line):
        self.lines.append(line)

    def eomReceived(self):
        expect(self.lines[-2:], [b".", b"..and more"])
        return defer.succeed(None)

    def connectionLost(self):
        pass


@implementer(smtp.IMessageDelivery)
class Delivery:
    def receivedHeader(self, helo, origin, recipients):
        return b"Received: here"

    def validateFrom(self, helo, origin):
        return origin

    def validateTo(self, user):
        return Delivered


class MailServer(smtp.SMTPFactory):
    def buildProtocol(self, addr):
        server = smtp.SMTPFactory.buildProtocol(self, addr)
        server.delivery = Delivery()
        return server


CLIENTS = {
    "line_echo": line_echo,
    "netstring_rpc": netstring_rpc,
    "chat_rooms": chat_rooms,
    "memcached": memcached,
    "smtp_dialogue": smtp_dialogue,
    "key_value": key_value,
}
SERVERS = {
    "line_echo": lambda: protocol.Factory.forProtocol(EchoServer),
    "netstring_rpc": lambda: protocol.Factory.forProtocol(RpcServer),
    "chat_rooms": lambda: protocol.Factory.forProtocol(ChatServer),
    "smtp_dialogue": MailServer,
}


async def talk(example, ports):
    for port in ports:
        await CLIENTS[example](port)


def main():
    role, example, *ports = sys.argv[1:]
    if role == "server":
        port = reactor.listenTCP(0, SERVERS[example](), interface="127.0.0.1")
        print("listening on 127.0.0.1:%d" % port.getHost().port, flush=True)
        reactor.run()
    else:
        task.react(lambda _: defer.Deferred.fromCoroutine(talk(example, map(int, ports))))


if __name__ == "__main__":
    main()
