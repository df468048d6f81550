"""Reads and verifies many objects with Python's cryptography in one process.

    python cryptography_batch.py KIND=FILE,...

    cert=ISSUER,SUBJECT         every field and extension parses; the issuer's key made the signature
    path=ROOT,ISSUER,SUBJECT    a path for TLS client authentication by RFC 5280 §6
    crl=ISSUER,LIST             as cert; the extensions of each entry, too
    ocsp=ISSUER,ANSWER          as cert, for the answer and for the delegate's certificate in it

All files are DER. One line of JSON a job, with the facts that it read: {"job": ..., "verified": true, ...}.
Of SM2 objects it can read everything but verify nothing: "verified" is false then. Anything else that does
not hold ends the program with a trace.
"""

import datetime
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.x509 import ocsp, verification

SM2_WITH_SM3 = "1.2.156.10197.1.501"


def read(file: str) -> bytes:
    with open(file, "rb") as opened:
        return opened.read()


def certificate(file: str) -> x509.Certificate:
    return parsed(x509.load_der_x509_certificate(read(file)))


def parsed(found: x509.Certificate) -> x509.Certificate:
    """Touches everything: this parser works when asked."""
    assert found.version == x509.Version.v3
    assert 0 < found.serial_number < 1 << 159
    assert found.not_valid_before_utc < found.not_valid_after_utc
    assert list(found.subject) and list(found.issuer)
    assert len(list(found.extensions)) > 2
    return found


def octets(number: int) -> str:
    return number.to_bytes((number.bit_length() + 7) // 8, "big").hex()


def date(time: datetime.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_sm2(signed) -> bool:
    return signed.signature_algorithm_oid.dotted_string == SM2_WITH_SM3


def cert(issuer: str, subject: str) -> dict:
    above, found = certificate(issuer), certificate(subject)
    verified = not is_sm2(found)
    if verified:
        found.verify_directly_issued_by(above)
    else:
        assert found.issuer == above.subject
    return {
        "verified": verified,
        "serial": octets(found.serial_number),
        "not_before": date(found.not_valid_before_utc),
        "not_after": date(found.not_valid_after_utc),
        "extensions": {one.oid.dotted_string: one.critical for one in found.extensions},
    }


def path(root: str, issuer: str, subject: str) -> dict:
    # Officers and units have no alternative name, which this verifier wants of every end entity by itself.
    anything = verification.ExtensionPolicy.permit_all()
    builder = verification.PolicyBuilder().store(verification.Store([certificate(root)]))
    builder = builder.extension_policies(ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(), ee_policy=anything)
    chain = builder.build_client_verifier().verify(certificate(subject), [certificate(issuer)]).chain
    assert len(chain) == 3
    return {"verified": True}


def extensions(found) -> dict:
    return {type(one.value).__name__: one for one in found.extensions}


def crl(issuer: str, file: str) -> dict:
    above, found = certificate(issuer), x509.load_der_x509_crl(read(file))
    assert found.issuer == above.subject
    assert found.last_update_utc < found.next_update_utc
    verified = not is_sm2(found)
    if verified:
        assert found.is_signature_valid(above.public_key())
    has = extensions(found)
    identifier = above.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert has["AuthorityKeyIdentifier"].value.key_identifier == identifier
    entries = {}
    for entry in found:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason) if list(entry.extensions) else None
        entries[octets(entry.serial_number)] = reason.value.reason.value if reason else "unspecified"
    base, part = has.get("DeltaCRLIndicator"), has.get("IssuingDistributionPoint")
    assert base is None or base.critical
    assert part is None or part.critical
    return {
        "verified": verified,
        "number": has["CRLNumber"].value.crl_number,
        "base": base.value.crl_number if base else None,
        "part": part.value.full_name[0].value if part else None,
        "freshest": [point.full_name[0].value for point in has["FreshestCRL"].value] if "FreshestCRL" in has else None,
        "entries": entries,
    }


def signed_by(key, signature: bytes, message: bytes, digest) -> None:
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, message, ec.ECDSA(digest))
    else:
        key.verify(signature, message, padding.PKCS1v15(), digest)


def answer(issuer: str, file: str) -> dict:
    above, found = certificate(issuer), ocsp.load_der_ocsp_response(read(file))
    assert found.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
    (delegate,) = [parsed(one) for one in found.certificates]
    assert x509.OID_OCSP_SIGNING in delegate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    verified = not (is_sm2(found) or is_sm2(delegate))
    if verified:
        delegate.verify_directly_issued_by(above)
        key = delegate.public_key()
        signed_by(key, found.signature, found.tbs_response_bytes, found.signature_hash_algorithm)
    statuses = {}
    for one in found.responses:
        reason = one.revocation_reason.value if one.revocation_reason else None
        statuses[octets(one.serial_number)] = [one.certificate_status.name.lower(), reason]
    return {"verified": verified, "statuses": statuses}


KINDS = {"cert": cert, "path": path, "crl": crl, "ocsp": answer}


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(__doc__)
    for job in sys.argv[1:]:
        kind, files = job.split("=", 1)
        try:
            print(json.dumps({"job": job, **KINDS[kind](*files.split(","))}))
        except Exception:
            print(f"{job} does not hold:", file=sys.stderr)
            raise
