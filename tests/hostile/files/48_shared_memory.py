# Tries: to fill memory that no limit of a process counts
# Refused: import
import mmap
memory = mmap.mmap(-1, 1_000_000_000)
LOOT = "@TOKEN@"
