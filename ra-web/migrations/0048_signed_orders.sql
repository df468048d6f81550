-- Orders about certificates that are signed and that the authority did not answer, by who opened them: those of units and of the
-- loss desk are sent again, of whichever office.
CREATE INDEX office_order_signed ON office_order (opened_id, created, id) WHERE state = 'signed' AND act <> 'issue';
