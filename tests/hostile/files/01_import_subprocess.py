# Tries: to run a program
# Refused: import
import subprocess
LOOT = subprocess.run(["cat", "@SECRET@"], capture_output=True).stdout
