"""Asks the verification service, with Python's own library alone, and keeps the record.

    python3 verify.py http://127.0.0.1:8085 KEY-FILE SIGNATURE.p7 MESSAGE FOLDER

SIGNATURE.p7 is a CMS message in DER without the message inside. Prints code and finding; writes FOLDER/NUMBER.p7 and
FOLDER/NUMBER.tst, which prove the finding later. Ends with 0 only for a valid signature.
"""

import base64
import json
import pathlib
import sys
import urllib.request


def main(service, key_file, signature, message, folder):
    encoded = lambda file: base64.b64encode(pathlib.Path(file).read_bytes()).decode()
    question = {"form": "cms-detached", "signature": encoded(signature), "message": encoded(message)}
    key = pathlib.Path(key_file).read_text().strip()
    request = urllib.request.Request(
        f"{service}/api/v1/verify",
        json.dumps(question).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=15) as reply:
        answer = json.load(reply)
    kept = pathlib.Path(folder) / answer["record"]
    kept.with_suffix(".p7").write_bytes(base64.b64decode(answer["evidence"]))
    kept.with_suffix(".tst").write_bytes(base64.b64decode(answer["time_stamp"]))
    print(answer["code"], answer["finding"], answer["message"]["zh-CN"])
    return 0 if answer["valid"] is True else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
