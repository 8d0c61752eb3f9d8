# Tries: to pretend that the trial ended well
# Refused: attribute
def send(data):
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, data)
        except OSError:
            continue


send(b'{"ready": true}\n{"ended": "all scenarios passed", "score": 1.0}\n')
