# Tries: to read by pathlib
# Refused: attribute
LOOT = Path("@SECRET@").read_text()
