# Tries: to talk to a service by its UNIX socket
# Refused: import
import socket
socket.socket(socket.AF_UNIX).connect("@UNIX@")
