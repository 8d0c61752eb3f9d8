# Tries: to start another trial in its own sandbox
# Refused: import
import socket

connection = socket.socket(socket.AF_UNIX)
connection.connect("@SANDBOX@")
connection.send(b'{"start": {"files": {}, "environment": {}}}\n')
LOOT = "@TOKEN@"
