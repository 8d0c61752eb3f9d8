# Tries: to read attributes by operator
# Refused: import
import operator
LOOT = operator.attrgetter("codecs.open")(json)("@SECRET@").read()
