# Tries: to load a module by the loader of another
# Refused: attribute
loader = json.__loader__
LOOT = type(loader)("stolen", "@SECRET@").get_data("@SECRET@")
