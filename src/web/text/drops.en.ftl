# Drops: the last ones, the search, corrections

tab-drops = Drops

drops-title = Last drops
drops-none = No drops yet
drops-unsynchronised = ≈ before the clock was synchronised
drop-void = Did not happen
drops-day = Day
drops-any = every stream
drops-find = Find
drops-older = Older ones
drops-newest = From the newest
drops-found-none = No such drops
drops-csv = Download every drop (CSV)
drops-correct = That was in truth…
drops-truth = The crew: { $stream }
drops-withdraw = Take it back
drops-picture = What lay in the chamber when it was judged
frames-kept = A small picture is kept with each drop, for { $days } days at most and until { $until }. Who looks at them is in the audit log.
frames-sign = CAMERA IN THIS BIN
    To improve how it recognises things, this bin keeps a small picture of each item it takes.
    What is seen: the inside of the chamber. No pictures of people, no sound.
    How long: { $days } days at most, and until { $until }. The pictures do not leave this bin.
    Who answers for it (name, telephone): ____________________

note-corrected = Noted.
note-withdrawn = Taken back. Nothing is said of that drop now.
note-nothing-said = Nothing is said of that drop: there was nothing to take back.
