# Tries: to import by name through importlib
# Refused: import
import importlib
module = importlib.import_module("sub" + "process")
LOOT = module.check_output(["cat", "@SECRET@"])
