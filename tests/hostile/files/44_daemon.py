# Tries: to leave a process behind that outlives the trial
# Refused: attribute
if os.fork() == 0:
    os.setsid()
    for _ in range(1_000_000_000):
        continue
