# Tries: to fill memory that no limit of a process counts
# Refused: import
import mmap
LOOT = mmap.mmap(-1, 4_000_000_000)
LOOT.write(b"x" * 1_000_000_000)
