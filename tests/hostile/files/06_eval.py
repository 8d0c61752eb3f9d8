# Tries: to import by eval
# Refused: name
LOOT = eval("__import__('os').popen('cat @SECRET@').read()")
