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

note-corrected = Noted.
