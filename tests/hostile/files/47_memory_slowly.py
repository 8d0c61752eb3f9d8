# Tries: to fill the memory bit by bit
# Refused: syntax
LOOT = []
while True:
    LOOT.append("x" * 1_000_000)
