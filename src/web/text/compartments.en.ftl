# Compartments

tab-compartments = Compartments

note-compartment-said = Noted.

compartment-open = Open
compartment-full = Full
compartment-closed = Closed
compartment-items = { $count } items since it was emptied
compartment-emptied = emptied { $time }
compartment-never = never marked as emptied
compartment-say-emptied = Emptied
compartment-say-full = Is full
compartment-say-not-full = Not full after all
compartment-say-closed = Close
compartment-say-opened = Open again
