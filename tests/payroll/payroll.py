"""A payroll system at the fund's business API, as its maker would write it from docs/fund-api.md.

    payroll.py PORTAL CERTIFICATE.pem KEY.pem MONTH

Opens an account for a newcomer, remits the month, reads the ledger, fetches voucher and evidence into the present folder.
Prints one line for each step; ends with 1 and the portal's words when something cannot be.
"""

import base64
import sys
import uuid

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs7

NEWCOMER = {
    "name": "郑小满",
    "id_kind": "01",
    "id_number": "11010519491231002X",
    "mobile": "13800000009",
    "base": "6000.00",
}


class Refused(Exception):
    """What the portal says cannot be, with each fault."""

    def __init__(self, answer):
        problem = answer.json()
        faults = [f"{one.get('pointer') or one.get('parameter')}: {one['detail']}" for one in problem.get("errors", [])]
        super().__init__("\n".join([f"{answer.status_code} {problem['title']}", *faults]))


class Fund:
    """A session at the fund."""

    def __init__(self, portal, certificate, key):
        self.api = portal.rstrip("/") + "/api/v1"
        self.certificate, self.key = certificate, key
        self.http = requests.Session()
        self.http.headers["Accept-Language"] = "zh-CN"

    def sign(self, content):
        """CMS over exactly these bytes, which are inside, with the certificate."""
        signer = pkcs7.PKCS7SignatureBuilder().set_data(content)
        signer = signer.add_signer(self.certificate, self.key, hashes.SHA256())
        options = [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities]
        return base64.b64encode(signer.sign(Encoding.DER, options)).decode()

    def call(self, method, path, body=None, key=None):
        """One request. One that broke off is sent again under its key: it is done once."""
        headers = {"Idempotency-Key": key} if key else {}
        for attempt in range(3):
            try:
                answer = self.http.request(method, self.api + path, json=body, headers=headers, timeout=60)
                break
            except requests.ConnectionError:
                if attempt == 2 or (method == "POST" and not key):
                    raise
        if answer.status_code >= 400:
            raise Refused(answer)
        return answer

    def open(self):
        """Signs a challenge, and keeps the token."""
        challenge = self.call("POST", "/session/challenge").json()
        statement = base64.b64decode(challenge["statement"])
        signed = {"statement": challenge["statement"], "binding": challenge["binding"], "signature": self.sign(statement)}
        session = self.call("POST", "/session", signed).json()
        self.http.headers["Authorization"] = "Bearer " + session["token"]
        return session

    def do(self, act, plan):
        """A plan, its signature, its receipt."""
        made = self.call("POST", f"/plans/{act}", plan, key=str(uuid.uuid4())).json()
        document = base64.b64decode(made["document"])
        # Here a person would look at what is signed: made["facts"], and the list under /operations/{serial}/list.
        signed = {"signature": self.sign(document)}
        return self.call("POST", f"/operations/{made['serial']}/signature", signed, key="sign-" + made["serial"]).json()

    def all(self, path):
        """Every row of a query, page by page."""
        joint = "&" if "?" in path else "?"
        page = self.call("GET", path).json()
        yield from page["items"]
        while page["next"]:
            page = self.call("GET", f"{path}{joint}cursor={page['next']}").json()
            yield from page["items"]


def main(portal, certificate, key, month):
    with open(certificate, "rb") as file:
        certificate = x509.load_pem_x509_certificate(file.read())
    with open(key, "rb") as file:
        key = load_pem_private_key(file.read(), None)
    fund = Fund(portal, certificate, key)
    print("session", fund.open()["account"])
    opened = fund.do("open", {"people": [{**NEWCOMER, "starts": month}]})
    print("opened", opened["heads"], opened["state"])
    try:
        fund.do("open", {"people": [{**NEWCOMER, "starts": month}]})
    except Refused as refused:
        print("refused", str(refused).splitlines()[-1])
    paid = fund.do("remit", {"month": month, "pay": "suspense"})
    print("remitted", paid["month"], paid["heads"], paid["amount"], paid["state"])
    entries = list(fund.all("/ledger?limit=2"))
    print("ledger", len(entries), entries[0]["serial"] == paid["serial"], entries[0]["balance"])
    people = list(fund.all("/people?limit=20"))
    print("people", len(people), sum(person["name"] == NEWCOMER["name"] for person in people))
    for name, method, path in [("voucher.pdf", "POST", "voucher"), ("evidence.zip", "GET", "evidence")]:
        with open(name, "wb") as file:
            file.write(fund.call(method, f"/operations/{paid['serial']}/{path}").content)
        print("fetched", name)
    fund.call("DELETE", "/session")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Refused as refused:
        sys.exit(str(refused))
