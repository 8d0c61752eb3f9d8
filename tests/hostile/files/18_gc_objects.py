# Tries: to search all objects of the process for secrets
# Refused: import
import gc
LOOT = [o for o in gc.get_objects() if isinstance(o, dict) and "AWS_SECRET_ACCESS_KEY" in o]
