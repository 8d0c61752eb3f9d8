# Tries: to talk to a service by an abstract UNIX socket
# Refused: import
import socket
socket.socket(socket.AF_UNIX).connect("\0@NAME@")
