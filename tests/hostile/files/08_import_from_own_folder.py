# Tries: to write a module beside itself and import it
# Refused: name
open("extra.py", "w").write("LOOT = open('@SECRET@').read()")
from extra import LOOT
