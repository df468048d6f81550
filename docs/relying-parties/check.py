"""Python as a relying party, with the package `cryptography` alone: OCSP status of certificates, nothing taken on trust.

    python3 check.py http://127.0.0.1:8083/ocsp issuing.pem holder.pem...

Prints one line for each holder: "good", or "refused: REASON". Chain and validity of the holder's certificate are to be
checked before this (cryptography.x509.verification).
"""

import datetime
import os
import sys
import urllib.error
import urllib.request

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

SKEW = datetime.timedelta(seconds=60)


class Refused(Exception):
    pass


def read(file):
    with open(file, "rb") as pem:
        return x509.load_pem_x509_certificate(pem.read())


def ask(url, request):
    posted = urllib.request.Request(
        url, request.public_bytes(Encoding.DER), {"Content-Type": "application/ocsp-request"}
    )
    try:
        with urllib.request.urlopen(posted, timeout=5) as answer:
            return ocsp.load_der_ocsp_response(answer.read(65536))
    except (urllib.error.URLError, ValueError, TimeoutError) as error:
        raise Refused(f"NO_ANSWER {error}") from error


def signed_by(key, signature, data, digest):
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(digest))
        else:
            key.verify(signature, data, padding.PKCS1v15(), digest)
    except InvalidSignature as error:
        raise Refused("BAD_SIGNATURE") from error


def responder_of(answer, issuing, now):
    """The certificate whose key must have signed the answer: the issuer's own, or one that the issuer made for it."""
    for delegate in answer.certificates:
        if delegate.issuer != issuing.subject:
            continue
        signed_by(issuing.public_key(), delegate.signature, delegate.tbs_certificate_bytes, delegate.signature_hash_algorithm)
        purposes = delegate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if ExtendedKeyUsageOID.OCSP_SIGNING not in purposes:
            raise Refused("NOT_A_RESPONDER")
        if not delegate.not_valid_before_utc <= now <= delegate.not_valid_after_utc:
            raise Refused("RESPONDER_EXPIRED")
        return delegate
    return issuing


def check(url, issuing, holder):
    nonce = os.urandom(32)
    request = ocsp.OCSPRequestBuilder().add_certificate(holder, issuing, hashes.SHA256())
    answer = ask(url, request.add_extension(x509.OCSPNonce(nonce), critical=False).build())
    if answer.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise Refused(answer.response_status.name)
    now = datetime.datetime.now(datetime.timezone.utc)
    signer = responder_of(answer, issuing, now)
    signed_by(signer.public_key(), answer.signature, answer.tbs_response_bytes, answer.signature_hash_algorithm)
    if answer.serial_number != holder.serial_number:
        raise Refused("OTHER_CERTIFICATE")
    if answer.next_update_utc is None or not answer.this_update_utc - SKEW <= now <= answer.next_update_utc + SKEW:
        raise Refused("STALE")
    try:
        echoed = answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound as error:
        raise Refused("NO_NONCE") from error
    # Some versions give the octets as they stand in the extension: an OCTET STRING around them.
    if nonce not in (echoed, echoed[2:]):
        raise Refused("OTHER_NONCE")
    if answer.certificate_status == ocsp.OCSPCertStatus.REVOKED:
        reason = answer.revocation_reason
        raise Refused("REVOKED" if reason is None else reason.name.upper())
    if answer.certificate_status != ocsp.OCSPCertStatus.GOOD:
        raise Refused("UNKNOWN")


def main(url, issuing, *holders):
    issuing = read(issuing)
    for holder in holders:
        try:
            check(url, issuing, read(holder))
            print("good")
        except Refused as refused:
            print(f"refused: {refused}")


if __name__ == "__main__":
    main(*sys.argv[1:])
