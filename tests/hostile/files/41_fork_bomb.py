# Tries: to fork again and again
# Refused: attribute
for _ in range(6):
    os.fork()
LOOT = "@TOKEN@"
