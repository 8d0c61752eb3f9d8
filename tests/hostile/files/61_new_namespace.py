# Tries: to get rights in a namespace of its own and mount
# Refused: import
import ctypes
libc = ctypes.CDLL(None)
LOOT = [libc.unshare(0x10000000 | 0x20000), libc.mount(b"none", b"@OTHER@", b"tmpfs", 0, None)]
if 0 in LOOT:
    LOOT = "@TOKEN@"
