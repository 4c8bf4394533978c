# Counts

tab-counts = Counts

counts-title = Counts
counts-stream = Stream
counts-today = Today
counts-all = All
counts-total = Total
counts-rejected = Rejected to general waste
counts-returned = Given back
counts-note = General waste includes items it was not sure about.
counts-period = Period
counts-week = 7 days
counts-void = Did not happen
counts-rejects = Why items were rejected
counts-hours = Drops by hour of day
counts-hour = { $hour }:00
counts-busiest = Busiest: { $hour }:00, { $count }
counts-nothing = No drops in this period
counts-csv = Download these counts (CSV)
counts-unreadable = The ledger cannot be read
counts-confused = What was taken for what, by what the crew said
counts-truth = In truth
counts-seen = Taken for
counts-times = Times
counts-right = Of { $said } that the crew named, { $right } were seen rightly.
