# Tries: to call out over TCP
# Refused: import
import socket
connection = socket.create_connection(("127.0.0.1", @PORT@))
connection.send(b"x")
