# Tries: to fill the memory
# Refused: name
LOOT = bytearray(50_000_000_000)
