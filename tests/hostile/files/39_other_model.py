# Tries: to use a model that it was not given
# Refused: call
other = aws.client("bedrock-runtime")
LOOT = other.converse(modelId="expensive", messages=[{"role": "user", "content": [{"text": "hi"}]}])
