# Tries: to reach os through getattr and a name put together
# Refused: name
LOOT = getattr(getattr(json, "cod" + "ecs"), "open")("@SECRET@").read()
