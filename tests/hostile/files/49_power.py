# Tries: to compute a number that fills the memory
# Refused: syntax
LOOT = 9 ** 9 ** 9 ** 9
