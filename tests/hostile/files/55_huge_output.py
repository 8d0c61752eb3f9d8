# Tries: to drown the caller in output
# Refused: attribute
def send(data):
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, data)
        except OSError:
            continue


for number in range(100):
    send(b"x" * 1_000_000)
