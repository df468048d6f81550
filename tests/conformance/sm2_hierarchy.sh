#!/usr/bin/env bash
# An SM2 hierarchy that only OpenSSL made, to try a judge with: sm2_hierarchy.sh FOLDER [ID]
#
# Root, issuing CA and leaf (*.cer), a request (leaf.p10), the CA's CRL (sub.crl) and an OCSP answer about the leaf
# by a delegate (leaf.ocsp), all DER, signed under the SM2 id ID; without it under OpenSSL's own, the empty one.
set -euo pipefail
cd "$1"
sign=() check=() answer=()
if [[ -n ${2:-} ]]; then
  sign=(-sigopt "distid:$2") check=(-vfyopt "distid:$2") answer=(-rsigopt "distid:$2")
fi

cat >openssl.cnf <<'CONFIGURATION'
[req]
distinguished_name = name
prompt = no
[name]
CN = unused
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[sub]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[delegate]
keyUsage = critical,digitalSignature
extendedKeyUsage = OCSPSigning
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca]
default_ca = list
[list]
database = index
new_certs_dir = .
default_md = sm3
default_crl_days = 1
crlnumber = crlnumber
CONFIGURATION

for name in root sub leaf delegate; do
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out $name.key
done
openssl req -x509 -new -key root.key -sm3 "${sign[@]}" -subj /CN=root -days 9 \
  -config openssl.cnf -extensions root -out root.pem
serial=10
for name in sub leaf delegate; do
  if [[ $name == sub ]]; then issuer=root; else issuer=sub; fi
  openssl req -new -key $name.key -sm3 "${sign[@]}" -subj /CN=$name -config openssl.cnf -out $name.csr
  openssl x509 -req -in $name.csr "${check[@]}" -sm3 "${sign[@]}" -CA $issuer.pem -CAkey $issuer.key \
    -set_serial $((serial += 1)) -days 5 -extfile openssl.cnf -extensions $name -out $name.pem
done
: >index
echo 01 >crlnumber
openssl ca -config openssl.cnf -valid leaf.pem -keyfile sub.key -cert sub.pem "${sign[@]}"
openssl ca -config openssl.cnf -gencrl -keyfile sub.key -cert sub.pem -md sm3 "${sign[@]}" -out sub.crl.pem
openssl ocsp -index index -CA sub.pem -issuer sub.pem -cert leaf.pem -no_nonce -ndays 1 \
  -rsigner delegate.pem -rkey delegate.key -rmd sm3 "${answer[@]}" -respout leaf.ocsp

for name in root sub leaf; do openssl x509 -in $name.pem -outform DER -out $name.cer; done
openssl crl -in sub.crl.pem -outform DER -out sub.crl
openssl req -in leaf.csr -outform DER -out leaf.p10
