# Tries: to pass a file descriptor to the caller
# Refused: import
import socket
for descriptor in range(3, 20):
    try:
        socket.send_fds(socket.socket(fileno=descriptor), [b"\n"], [0])
    except OSError:
        continue
