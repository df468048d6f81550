-- A unit's signature certificate comes with an encryption certificate, which shares its subject, validity, status
-- and delivery. NULL where an order made one certificate only.
ALTER TABLE certificate ADD COLUMN encryption_serial TEXT;
ALTER TABLE certificate ADD COLUMN encryption_certificate BYTEA;
CREATE INDEX certificate_encryption_serial ON certificate (encryption_serial);
