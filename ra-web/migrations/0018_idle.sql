-- Cases that are not over, by when they last moved: those with which nobody goes on lapse.
CREATE INDEX enrolment_case_idle ON enrolment_case (updated) WHERE due IS NOT NULL;
