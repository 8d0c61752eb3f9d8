# Tries: to leave a process behind that outlives the trial
# Refused: attribute
if os.fork() == 0:
    os.setsid()
    while True:
        pass
