# Tries: to reach os through a member of asyncio
# Refused: attribute
LOOT = asyncio.base_events.os.popen("cat @SECRET@").read()
