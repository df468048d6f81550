# Finding, and the record of a unit
find-how = Type a unit name or a part of it, a credit code, a serial number, a case number, an order number or the name of an officer.
find-pages = Pages
find-before = Previous
find-after = Next
find-of-officer = Applications taken in or decided by { $name }
unit-now = The unit
unit-namesakes = Other units of the same name have another credit code
unit-office = Last served by
unit-since = First certificate
unit-from-case = Handler known from
