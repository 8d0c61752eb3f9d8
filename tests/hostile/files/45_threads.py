# Tries: to start threads without end
# Refused: import
import threading
import time
for _ in range(5_000):
    threading.Thread(target=time.sleep, args=(60,)).start()
LOOT = "@TOKEN@"
