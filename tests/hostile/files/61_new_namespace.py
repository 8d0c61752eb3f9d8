# Tries: to get rights in a namespace of its own and mount
# Refused: import
import ctypes
libc = ctypes.CDLL(None)
LOOT = [libc.unshare(0x10000000 | 0x20000), libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)]
if LOOT == [0, 0]:
    LOOT = "@TOKEN@"
