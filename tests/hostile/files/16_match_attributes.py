# Tries: to read an attribute by a class pattern
# Refused: syntax
match json:
    case object(__loader__=loader):
        LOOT = loader.get_data("@SECRET@")
