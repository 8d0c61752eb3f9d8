# Tries: to find os in sys.modules
# Refused: import
import sys
LOOT = open("@SECRET@").read() if sys.modules["os"].system("touch @MARKER@") == 0 else None
