# Tries: to search the knowledge base of another tenant
# Refused: contract
LOOT = knowledge.retrieve(knowledgeBaseId="OTHERTENAN", retrievalQuery={"text": "secret"})
