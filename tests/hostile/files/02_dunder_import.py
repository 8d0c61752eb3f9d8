# Tries: to import os by a builtin and run a shell
# Refused: name
LOOT = __import__("os").popen("cat @SECRET@; touch @MARKER@").read()
