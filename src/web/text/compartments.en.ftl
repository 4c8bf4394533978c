# Compartments

tab-compartments = Compartments

note-compartment-said = Noted.

compartment-open = Open
compartment-full = Full
compartment-closed = Closed
compartment-items = { $count } items since it was emptied
compartment-emptied = emptied { $time }
compartment-never = never marked as emptied
compartment-distance = Sensor: { $mm } mm down
compartment-room = The sensor says that there is room.
compartment-unknown = How full it is is unknown.
sensor-missing = The sensor is not on the board.
sensor-failing = The sensor does not answer.
sensor-out-of-range = The sensor says what cannot be.
sensor-scattered = The sensor says something else each time.
sensor-stuck = The sensor says the very same whatever goes in.
sensor-uncalibrated = Nobody has measured it yet: bunri calibrate sensors.
sensor-silent = Nothing has been heard of the sensor for a while.
compartment-say-emptied = Emptied
compartment-say-full = Is full
compartment-say-not-full = Not full after all
compartment-say-closed = Close
compartment-say-opened = Open again
