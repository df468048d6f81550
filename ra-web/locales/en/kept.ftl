# What is kept when a session ends (ra-web/src/http/staff/kept.rs)
done-form-kept = What you had typed is back. Check it and go on; scans must be chosen anew.
kept-title = What you had typed
kept-lead = You were no longer signed in when you sent this, and nothing was done. Only you see it, for two hours; go back to the page, check, and do it again.
kept-back = Back to the page
kept-forget = Not needed any more: delete
kept-field-reason = Reason
kept-field-note = Note
kept-field-what = What happened
kept-field-done = What was done
kept-field-counted = Amount counted
kept-field-amount = Amount
kept-field-reference = Reference
kept-field-serials = Serial numbers
