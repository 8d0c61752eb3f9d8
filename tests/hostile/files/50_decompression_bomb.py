# Tries: to unpack a constant that grows a thousandfold
# Refused: import
import zlib
small = zlib.compress(bytes(100_000_000))
LOOT = "@TOKEN@" if [zlib.decompress(small) for _ in range(20)] else None
