"""A mail server that takes mails over required STARTTLS from who has the password, and refuses as its recipients say:
busy@ the first time (451), gone@ for good (550), drop@ the first time by hanging up after it has the mail. What it took is
checked for its DKIM signature and lies in a Maildir.

usage: smtp_server.py PORT CERTIFICATE KEY PASSWORD DKIM_PUBLIC MAILDIR
"""
import asyncio
import ssl
import sys

import dkim
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import AuthResult

port, certificate, key, password, public, maildir = sys.argv[1:]
record = b"v=DKIM1; k=rsa; p=" + open(public, "rb").read().strip()
seen = set()


class Desk(Mailbox):
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return f"550 5.1.1 <{address}>: no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        name = envelope.rcpt_tos[0].split("@")[0]
        first = name not in seen
        seen.add(name)
        if name == "busy" and first:
            return "451 4.3.0 try again later"
        good = dkim.verify(envelope.original_content, dnsfunc=lambda *_, **__: record)
        print("dkim", name, "good" if good else "bad", flush=True)
        answer = await super().handle_DATA(server, session, envelope)
        if name == "drop" and first:
            server.transport.abort()
        return answer


def authenticate(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"yinxin", password.encode())
    return AuthResult(success=good, handled=False)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
controller = Controller(
    Desk(maildir),
    hostname="127.0.0.1",
    port=int(port),
    tls_context=context,
    require_starttls=True,
    authenticator=authenticate,
    auth_required=True,
)
controller.start()
print("listens", flush=True)
asyncio.new_event_loop().run_forever()
