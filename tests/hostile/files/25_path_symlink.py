# Tries: to link a file outside into its own folder and read it
# Refused: attribute
os.symlink("@SECRET@", "link")
LOOT = Path("link").read_text()
