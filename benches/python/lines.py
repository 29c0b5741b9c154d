#!/usr/bin/env python3
"""A server that sends each line back, for benches/lines.

    lines.py twisted | asyncio | uvloop

Prints the address that it listens on, and answers questions that come as lines over its standard input: `cpu` with
the processor's time that it has taken so far, in nanoseconds, and `memory` with nothing for the heap and with the
resident bytes. It ends with its standard input.
"""

import os
import resource
import sys
import threading
import time

BACKLOG = 4096


def answer_questions(port):
    print("127.0.0.1:%d" % port, flush=True)

    def answer():
        for question in sys.stdin:
            if question == "cpu\n":
                print(time.process_time_ns(), flush=True)
            else:
                with open("/proc/self/statm") as pages:
                    resident = int(pages.read().split()[1]) * resource.getpagesize()
                print(0, resident, flush=True)
        os._exit(0)

    threading.Thread(target=answer, daemon=True).start()


def on_twisted():
    from twisted.internet import protocol, reactor
    from twisted.protocols.basic import LineReceiver

    class Echo(LineReceiver):
        delimiter = b"\n"

        def connectionMade(self):
            self.transport.setTcpNoDelay(True)

        def lineReceived(self, line):
            self.sendLine(line)

    port = reactor.listenTCP(0, protocol.Factory.forProtocol(Echo), backlog=BACKLOG, interface="127.0.0.1")
    answer_questions(port.getHost().port)
    reactor.run()


def on_loop_of_asyncio(loop):
    import asyncio

    class Echo(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport
            self.partial = b""

        def data_received(self, data):
            *lines, self.partial = (self.partial + data).split(b"\n")
            for line in lines:
                self.transport.write(line + b"\n")

    server = loop.run_until_complete(loop.create_server(Echo, "127.0.0.1", 0, backlog=BACKLOG))
    answer_questions(server.sockets[0].getsockname()[1])
    loop.run_forever()


def on_asyncio():
    import asyncio

    on_loop_of_asyncio(asyncio.new_event_loop())


def on_uvloop():
    import uvloop

    on_loop_of_asyncio(uvloop.new_event_loop())


if __name__ == "__main__":
    {"twisted": on_twisted, "asyncio": on_asyncio, "uvloop": on_uvloop}[sys.argv[1]]()
