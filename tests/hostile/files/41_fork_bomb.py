# Tries: to fork without end
# Refused: attribute
while True:
    os.fork()
