# Tries: to list folders outside
# Refused: attribute
LOOT = [os.listdir(p) for p in ("@HOME@", "/etc", "/root")]
