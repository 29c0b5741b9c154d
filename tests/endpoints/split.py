"""Splits each description, a JSON string on a line of the input, as Twisted does: its arguments, or null if it fails."""

import json
import sys

from twisted.internet import endpoints

# It refuses names that are not ASCII while it splits; here, that is up to whoever asks for arguments by their names.
endpoints.nativeString = str

for line in sys.stdin:
    try:
        split = endpoints._parse(json.loads(line))
    except RuntimeError:
        # A backslash at the end.
        split = None
    print(json.dumps(split))
