# Tries: to sleep until everybody has forgotten it
# Refused: import
import time
time.sleep(1_000_000)
