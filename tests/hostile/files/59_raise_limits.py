# Tries: to raise its own limits and lower those of others
# Refused: import
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
open("@MARKER@", "w").write("x")
