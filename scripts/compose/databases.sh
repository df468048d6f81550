#!/bin/sh
# Run once by the postgres image on an empty volume: one database and owner for each of CA, key-management centre, office and fund, and
# a role for the responder that starts with nothing (scripts/demo/prepare lets it read the status tables).
set -eu
psql -v ON_ERROR_STOP=1 -U postgres \
  -v ca="$YINXIN_CA_PASSWORD" -v kmc="$YINXIN_KMC_PASSWORD" -v ra="$YINXIN_RA_PASSWORD" -v fund="$YINXIN_FUND_PASSWORD" -v ocsp="$YINXIN_OCSP_PASSWORD" <<'SQL'
CREATE ROLE yinxin_ca LOGIN PASSWORD :'ca';
CREATE ROLE yinxin_kmc LOGIN PASSWORD :'kmc';
CREATE ROLE yinxin_ra LOGIN PASSWORD :'ra';
CREATE ROLE yinxin_fund LOGIN PASSWORD :'fund';
CREATE ROLE yinxin_ocsp LOGIN PASSWORD :'ocsp';
CREATE DATABASE yinxin_ca OWNER yinxin_ca ENCODING 'UTF8' TEMPLATE template0 LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8';
CREATE DATABASE yinxin_kmc OWNER yinxin_kmc ENCODING 'UTF8' TEMPLATE template0 LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8';
CREATE DATABASE yinxin_ra OWNER yinxin_ra ENCODING 'UTF8' TEMPLATE template0 LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8';
CREATE DATABASE yinxin_fund OWNER yinxin_fund ENCODING 'UTF8' TEMPLATE template0 LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8';
REVOKE ALL ON DATABASE yinxin_ca, yinxin_kmc, yinxin_ra, yinxin_fund FROM PUBLIC;
GRANT CONNECT ON DATABASE yinxin_ca TO yinxin_ocsp;
SQL
