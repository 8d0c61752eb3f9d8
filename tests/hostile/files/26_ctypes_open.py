# Tries: to read through the C library
# Refused: import
import ctypes
libc = ctypes.CDLL(None)
buffer = ctypes.create_string_buffer(1000)
libc.read(libc.open(b"@SECRET@", 0), buffer, 1000)
libc.creat(b"@MARKER@", 0o600)
LOOT = buffer.value
