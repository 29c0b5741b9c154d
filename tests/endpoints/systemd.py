"""Says which inherited socket each description, a JSON string on a line of the input, means to Twisted: its index, or null if it fails. There are
three, whose names are web, admin and unknown."""

import json
import os
import sys

os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="3", LISTEN_FDNAMES="web:admin:unknown")

from twisted.internet import endpoints

for line in sys.stdin:
    try:
        endpoint = endpoints.serverFromString(None, json.loads(line))
        print(json.dumps(endpoint.fileno - 3))
    except Exception:
        print("null")
