# Tries: to compute for ever without a while
# Refused: name
LOOT = sum(1 for _ in iter(int, 1))
