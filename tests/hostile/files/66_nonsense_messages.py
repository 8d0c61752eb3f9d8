# Tries: to break the caller by messages that are none
# Refused: attribute
def send(data):
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, data)
        except OSError:
            continue


send(b'{"ready": true}\n' + b"[" * 100_000 + b"\n" + b'{"id": 1e999, "call": 3}\n\xff\n')
