# Tries: to read the files of other agents on trial
# Refused: attribute
LOOT = [p.read_text() for p in Path("..").rglob("*")]
LOOT += [p.read_text() for p in Path("@OTHER@").rglob("*")]
