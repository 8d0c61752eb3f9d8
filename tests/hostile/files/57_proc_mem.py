# Tries: to read the memory of its parent
# Refused: attribute
maps = Path(f"/proc/{os.getppid()}/maps").read_text()
LOOT = open(f"/proc/{os.getppid()}/mem", "rb").read(100)
