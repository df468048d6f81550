"""Lints many files with pkilint in one process (a run of its command line costs a third of a second each).

    python pkilint_batch.py KIND=FILE...       KIND: cert | chain | crl | arl | ocsp; chain takes ISSUER,SUBJECT

Prints each finding of severity WARNING or worse; the exit code says whether there was any.
"""

import contextlib
import io
import sys

from pkilint.bin import lint_crl, lint_ocsp_response, lint_pkix_cert, lint_pkix_signer_signee_cert_chain

MAIN = {
    "cert": lint_pkix_cert.main,
    "chain": lint_pkix_signer_signee_cert_chain.main,
    "crl": lint_crl.main,
    "arl": lint_crl.main,
    "ocsp": lint_ocsp_response.main,
}


def lint(job: str) -> int:
    kind, files = job.split("=", 1)
    extra = ["-t", kind.upper(), "-p", "PKIX"] if kind in ("crl", "arl") else []
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        findings = MAIN[kind](["lint", "-s", "WARNING", *extra, *files.split(",")])
    print(f"{job}: {'clean' if findings == 0 else printed.getvalue().strip()}")
    return findings


if __name__ == "__main__":
    jobs = sys.argv[1:]
    if not jobs:
        sys.exit(__doc__)
    sys.exit(min(sum([lint(job) for job in jobs]), 100))
