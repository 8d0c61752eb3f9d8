# Tries: to kill the sandbox
# Refused: attribute
os.kill(os.getppid(), 9)
os.killpg(os.getpgid(os.getppid()), 9)
