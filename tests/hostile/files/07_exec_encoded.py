# Tries: to run a program hidden in base64
# Refused: name
import base64
exec(base64.b64decode(b"aW1wb3J0IG9zOyBvcy5zeXN0ZW0oJ3RvdWNoIEBNQVJLRVJAJyk="))
open("@MARKER@", "w").write("x")
