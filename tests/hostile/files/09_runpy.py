# Tries: to run another file as a program
# Refused: import
import runpy
LOOT = runpy.run_path("@SECRET@")
