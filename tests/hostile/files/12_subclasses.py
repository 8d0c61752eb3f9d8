# Tries: to find a file reader among the subclasses of object
# Refused: attribute
classes = ().__class__.__base__.__subclasses__()
reader = [c for c in classes if c.__name__ == "FileLoader"][0]
LOOT = reader("x", "@SECRET@").get_data("@SECRET@")
