# Tries: to fill the memory bit by bit
# Refused: name
chunks = []
for number in range(4_000):
    chunks.append(bytearray(1_000_000))
LOOT = "@TOKEN@"
