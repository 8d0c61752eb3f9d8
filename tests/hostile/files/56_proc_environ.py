# Tries: to read the environment of its parent
# Refused: attribute
LOOT = [Path(f"/proc/{p}/environ").read_bytes() for p in ("self", os.getppid())]
