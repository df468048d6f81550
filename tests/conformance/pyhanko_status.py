"""Lets pyHanko's validator judge certificates by OCSP answers that were fetched before.

    python pyhanko_status.py ISSUING.pem HOLDER.pem,ANSWER.der...

Prints one line for each holder: "good", "revoked REASON", or "refused ERROR".
"""

import asyncio
import logging
import sys

from asn1crypto import ocsp, pem, x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import RevokedError

logging.disable(logging.CRITICAL)


def read(file):
    with open(file, "rb") as text:
        return x509.Certificate.load(pem.unarmor(text.read())[2])


async def judge(issuing, job):
    holder, answer = job.split(",")
    with open(answer, "rb") as der:
        answer = ocsp.OCSPResponse.load(der.read())
    try:
        # The issuing CA as the anchor: it would stand on a list of the root, which is not asked here.
        context = ValidationContext(
            trust_roots=[issuing], ocsps=[answer], revocation_mode="require", allow_fetching=False
        )
        await CertificateValidator(read(holder), validation_context=context).async_validate_usage({"digital_signature"})
        return "good"
    except RevokedError as refused:
        return f"revoked {refused.reason.native if hasattr(refused.reason, 'native') else refused.reason}"
    except Exception as refused:
        return f"refused {type(refused).__name__}"


def main(issuing, *jobs):
    issuing = read(issuing)
    for job in jobs:
        print(asyncio.run(judge(issuing, job)))


if __name__ == "__main__":
    main(*sys.argv[1:])
