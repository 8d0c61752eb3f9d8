# Tries: to compute for ever in one regular expression
# Refused: sandbox
LOOT = re.match("(a+)+$", "a" * 64 + "b")
