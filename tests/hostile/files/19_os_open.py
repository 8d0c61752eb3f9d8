# Tries: to read with the system call itself
# Refused: attribute
LOOT = os.read(os.open("@SECRET@", os.O_RDONLY), 1000)
