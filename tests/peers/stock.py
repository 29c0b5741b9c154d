#!/usr/bin/env python3
"""Clients that others have written, on sockets that block: pymemcache and smtplib.

    stock.py client EXAMPLE PORT...    talks to servers on these ports, one after the other
"""

import smtplib
import sys

from pymemcache.client.base import Client


def expect(what, expected):
    if what != expected:
        raise AssertionError("expected %r, got %r" % (expected, what))


def memcached(port):
    client = Client(("127.0.0.1", port), timeout=10, default_noreply=False)
    expect(client.flush_all(), True)
    values = {"key%d" % n: b"value %d" % n for n in range(100)}
    expect(client.set_many(values), [])
    expect(client.get_many([*values, "missing"]), values)
    expect(client.add("key1", "x"), False)
    expect(client.replace("key1", "10"), True)
    value, cas = client.gets("key1")
    expect(value, b"10")
    expect(client.cas("key1", "11", cas), True)
    expect(client.cas("key1", "12", cas), False)
    expect(client.cas("missing", "12", cas), None)
    expect(client.incr("key1", 5), 16)
    expect(client.decr("key1", 100), 0)
    expect(client.append("key2", ">"), True)
    expect(client.prepend("key2", "<"), True)
    expect(client.get("key2"), b"<value 2>")
    expect(client.touch("key2", expire=100), True)
    client.set("silent", "x", noreply=True)
    expect(client.get("silent"), b"x")
    expect(client.set("gone", "x", expire=-1), True)
    expect(client.get("gone"), None)
    expect(client.delete("key2"), True)
    expect(client.delete("key2"), False)
    expect(client.stats()[b"curr_items"], 100)
    expect(bool(client.version()), True)
    client.quit()


def smtp_dialogue(port):
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        expect(client.noop()[0], 250)
        text = "Subject: dots\r\n\r\n.\r\n..\r\n" + "x" * 900 + "\r\n"
        refused = client.sendmail("a@example.org", ["b@example.org", "c@example.org"], text)
        expect(refused, {})
        try:
            client.sendmail("a@example.org", ["b@example.org"], "x\r\n" * 500000)
        except smtplib.SMTPDataError as error:
            expect(error.smtp_code, 552)
        else:
            raise AssertionError("a mail too large was delivered")


CLIENTS = {"memcached": memcached, "smtp_dialogue": smtp_dialogue}


def main():
    _, example, *ports = sys.argv[1:]
    for port in ports:
        CLIENTS[example](int(port))


if __name__ == "__main__":
    main()
