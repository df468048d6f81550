-- Which certificate an order's is to take the place of. Those whose order came to nothing stay as they are.
CREATE TABLE ca_replacement (
  order_id TEXT NOT NULL PRIMARY KEY REFERENCES ca_order (id),
  issuer   TEXT NOT NULL,
  serial   TEXT NOT NULL,
  FOREIGN KEY (issuer, serial) REFERENCES certificate (issuer, serial)
);
CREATE INDEX ca_replacement_old ON ca_replacement (issuer, serial);
