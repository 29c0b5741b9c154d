#!/usr/bin/env python3
"""Runs each example of protocols on every loop, against peers that run in Python, a real memcached, and a real browser.

    drive.py DIRECTORY [EXAMPLE...]

The directory is that of the built examples. Ends with 1, and says at what, if one of them fails. The browser is $CHROMIUM, or
what is installed as chromium.
"""

import html
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

LOOPS = ["tokio", "tokio_current_thread", "smol", "async_std", "futures"]
HERE = pathlib.Path(__file__).parent
TWISTED, ASYNCIO, STOCK = "with_twisted.py", "with_asyncio.py", "stock.py"
WEBSOCKETS = "with_websockets.py"
# Who talks to an example's server, and whose servers its client talks to.
EXAMPLES = {
    "line_echo": ([TWISTED, ASYNCIO], [TWISTED, ASYNCIO]),
    "netstring_rpc": ([TWISTED, ASYNCIO], [TWISTED, ASYNCIO]),
    "chat_rooms": ([TWISTED, ASYNCIO], [TWISTED, ASYNCIO]),
    "smtp_dialogue": ([TWISTED, ASYNCIO, STOCK], [TWISTED, ASYNCIO]),
    "memcached": ([TWISTED, ASYNCIO, STOCK], []),
    "prime_websocket": ([WEBSOCKETS], []),
    "port_step1": ([TWISTED, ASYNCIO], []),
    "port_step2": ([TWISTED, ASYNCIO], []),
    "port_step3": ([TWISTED, ASYNCIO], []),
    "port_step4": ([TWISTED, ASYNCIO], []),
}
# What the peers know an example as.
KNOWN_AS = {"port_step%d" % step: "key_value" for step in range(1, 5)}
PATIENCE = 60


class Server:
    """A process that says where it listens."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        said = self.process.stdout.readline()
        self.port = said.strip().rstrip("/").rpartition(":")[2]
        if not self.port.isdigit():
            self.process.kill()
            sys.exit("%s: did not say where it listens" % (command,))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        code = self.process.poll()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if code is not None and not error[0]:
            sys.exit("a server has ended by itself, with %d" % code)


def run(*command):
    try:
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as expired:
        sys.exit("%s: not done in %d seconds\n%s" % (" ".join(command), PATIENCE, expired.output))
    if ended.returncode:
        sys.exit("%s: failed with %d\n%s" % (" ".join(command), ended.returncode, ended.stdout))
    return ended.stdout


def python(script, role, example, *arguments):
    return sys.executable, str(HERE / script), role, KNOWN_AS.get(example, example), *arguments


def server_of(directory, example):
    """What is talked to, on each loop."""
    clients, _ = EXAMPLES[example]
    servers = []
    try:
        for name in LOOPS:
            servers.append(Server(str(directory / example), "--loop", name))
        ports = [server.port for server in servers]
        for client in clients:
            run(*python(client, "client", example, *ports))
            print("%s, server on %d loops: %s" % (example, len(LOOPS), client), flush=True)
        if example == "memcached":
            if shutil.which("memcstat"):
                for port in ports:
                    run("memcstat", "--servers=127.0.0.1:%s" % port)
                print("%s, server on %d loops: memcstat" % (example, len(LOOPS)), flush=True)
            else:
                print("%s: SKIPPED memcstat, which is not installed" % example, flush=True)
        if example == "prime_websocket":
            real_browser(ports)
        for server in servers:
            server.__exit__(None)
    finally:
        for server in servers:
            server.process.kill()


def client_of(directory, example, who, port):
    for name in LOOPS:
        run(str(directory / example), "--loop", name, "--connect", port)
    print("%s, client on %d loops: %s" % (example, len(LOOPS), who), flush=True)


def real_memcached(directory):
    if not shutil.which("memcached"):
        print("memcached: SKIPPED the real one, which is not installed", flush=True)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["memcached", "-l", "127.0.0.1", "-p", str(port), "-u", "nobody"]
    with subprocess.Popen(command) as server:
        try:
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    if time.monotonic() > deadline or server.poll() is not None:
                        sys.exit("memcached does not listen")
                    time.sleep(0.05)
            client_of(directory, "memcached", "the real one", str(port))
        finally:
            server.kill()


def real_browser(ports):
    """Has a page of each server ask it, and reads the answers in the page."""
    browsers = [os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    browser = next((name for name in browsers if name and shutil.which(name)), None)
    if browser is None:
        print("prime_websocket: SKIPPED the browser, as no chromium is installed", flush=True)
        return
    answers = ["7 is prime", "91 is not prime", "9007199254740881 is prime", "`x` is no number from 0 to 9007199254740991"]
    for port in ports:
        page = "http://127.0.0.1:%s/?ask=7,91,9007199254740881,x" % port
        # The browser leaves helpers behind that write there for a moment.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            dom = run(
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
                *("--user-data-dir=" + profile, "--dump-dom", page),
            )
        found = [html.unescape(item) for item in re.findall("<li>(.*?)</li>", dom)]
        if found != answers:
            sys.exit("%s: the page says %r instead of %r\n%s" % (page, found, answers, dom))
    print("prime_websocket, server on %d loops: a page in %s" % (len(ports), pathlib.Path(browser).name), flush=True)


def main():
    directory = pathlib.Path(sys.argv[1])
    only = sys.argv[2:]
    for example in EXAMPLES:
        if only and example not in only:
            continue
        server_of(directory, example)
        for peer in EXAMPLES[example][1]:
            with Server(*python(peer, "server", example)) as server:
                client_of(directory, example, peer, server.port)
        if example == "memcached":
            real_memcached(directory)


if __name__ == "__main__":
    main()
