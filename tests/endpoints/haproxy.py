"""Says what each header of the PROXY protocol, in hexadecimal on a line of the input with what follows it, means to Twisted: the two addresses, or null
where it names none, and what follows; or null if it fails or is not whole."""

import ipaddress
import json
import sys

from twisted.internet.address import UNIXAddress
from twisted.protocols.haproxy import _v1parser, _v2parser


def text(address):
    if address is None:
        return None
    if isinstance(address, UNIXAddress):
        return address.name.decode()
    host = ipaddress.ip_address(address.host)
    return f"[{host}]:{address.port}" if host.version == 6 else f"{host}:{address.port}"


for line in sys.stdin:
    data = bytes.fromhex(line)
    parser = _v1parser.V1Parser() if data.startswith(b"PROXY") else _v2parser.V2Parser()
    try:
        info, rest = parser.feed(data)
        print(json.dumps([text(info.source), text(info.destination), rest.hex()]))
    except Exception:
        print("null")
