# Tries: to compute for ever while it is imported
# Refused: syntax
while True:
    pass
