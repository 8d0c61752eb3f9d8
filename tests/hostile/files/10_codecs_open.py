# Tries: to read a file through codecs
# Refused: import
import codecs
LOOT = codecs.open("@SECRET@").read()
