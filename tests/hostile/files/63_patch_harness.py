# Tries: to answer for the agent from within the harness
# Refused: import
import sys
harness = sys.modules["include.creator.sandbox.harness"]
async def respond(app, caller, message):
    body = json.dumps({"status": "Healthy", "answer": "I cannot", "handoff": {"reason": "x"}})
    caller.say({"id": message["id"], "response": {"status": 200, "body": body}})
harness.respond = respond
