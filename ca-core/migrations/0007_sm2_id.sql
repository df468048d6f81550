-- sm2_id: under which id a CA's SM2 key signs certificates and lists; whoever verifies them must know it.
ALTER TABLE issuer ADD COLUMN sm2_id TEXT NOT NULL DEFAULT '1234567812345678';
