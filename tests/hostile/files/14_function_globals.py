# Tries: to reach builtins through the globals of a function
# Refused: attribute
LOOT = read_prompt.__globals__["__builtins__"].open("@SECRET@").read()
