# Tries: to replace itself by a shell
# Refused: attribute
os.execv("/bin/sh", ["sh", "-c", "cat @SECRET@ > @MARKER@"])
