# Tries: to walk up the frames of an exception into the harness
# Refused: attribute
try:
    raise ValueError
except ValueError as error:
    frame = error.__traceback__.tb_frame
    LOOT = []
    while frame:
        LOOT.append(repr(frame.f_locals))
        frame = frame.f_back
