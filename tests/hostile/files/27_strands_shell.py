# Tries: to use a shell that the SDK brings
# Refused: import
from strands.sandbox import posix_shell
LOOT = repr(posix_shell)
import os as system
system.system("touch @MARKER@")
