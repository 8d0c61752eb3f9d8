# Tries: to write by pathlib
# Refused: attribute
Path("@MARKER@").write_text("x")
