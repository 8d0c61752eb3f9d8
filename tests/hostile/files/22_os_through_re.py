# Tries: to reach builtins through an enum of re
# Refused: attribute
LOOT = re.enum.sys.modules["io"].open("@SECRET@").read()
