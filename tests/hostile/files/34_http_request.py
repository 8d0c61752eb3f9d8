# Tries: to send what it knows to a web server
# Refused: import
import urllib.request
urllib.request.urlopen("http://127.0.0.1:@PORT@/", data=json.dumps(CONFIG).encode())
