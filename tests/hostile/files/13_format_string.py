# Tries: to read attributes by a format string
# Refused: attribute
LOOT = "{0.__class__.__init__.__globals__[os].environ}".format(app)
