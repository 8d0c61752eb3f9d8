# Tries: to start a process by posix_spawn
# Refused: attribute
os.posix_spawn("/bin/sh", ["sh", "-c", "cat @SECRET@ > @MARKER@"], os.environ)
