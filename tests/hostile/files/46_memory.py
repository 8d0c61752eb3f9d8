# Tries: to fill the memory
# Refused: name
LOOT = bytearray(2_000_000_000) and "@TOKEN@"
