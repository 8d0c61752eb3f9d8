# Tries: to serve on a port of its own
# Refused: import
import socket

server = socket.create_server(("0.0.0.0", 0))
Path("@MARKER@").write_text("x")
