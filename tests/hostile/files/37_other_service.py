# Tries: to read another table of the account
# Refused: call
LOOT = aws.client("dynamodb").scan(TableName="oratio-agents")
