# Tries: to send AWS calls to a server of its own
# Refused: call
aws.client("s3", endpoint_url="http://127.0.0.1:@PORT@").list_buckets()
