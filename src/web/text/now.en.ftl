# Now: states, what needs a person, the picture, the machine

tab-now = Now

state-unknown = Waiting
    .means = The sorting loop has not started yet.
state-camera-lost = No camera
    .means = No picture arrives, so sorting has stopped.
state-starting = Starting
    .means = Finding out what lies in the chamber.
state-empty = Ready
    .means = The chamber is empty and waits for an item.
state-full = Full
    .means = Every compartment is full or closed.
state-arriving = Something arrives
    .means = An item or a hand moves. Waiting until it is still.
state-settled = Looking
    .means = The item lies still and is being recognised.
state-decided = Decided
    .means = The verdict is written down before anything moves.
state-routing = Sending it on
    .means = The flap moves, or is about to.
state-clearing = Falling
    .means = Waiting for the item to leave the chamber.
state-homing = Flap goes home
    .means = The flap returns to its rest position.
state-returning = Giving it back
    .means = Waiting for the resident to take the item back.
state-jam = Jammed
    .means = An item stays in the chamber, so sorting has stopped.
state-mechanism-fault = Flap fault
    .means = The flap does not get where it should.
state-ledger-fault = Cannot record
    .means = What cannot be written down does not move.
state-maintenance = Maintenance
    .means = Nothing is sorted while the crew is at work.

alarms-title = Look at this first
alarm-to-do = To do
alarm-no-rig = No rig is chosen yet
    .means = This bin moves nothing and sorts nothing before it is told what turns its flap.
    .do = Choose a rig in /etc/bunri/bunri.toml, as /usr/share/doc/bunri/INSTALL.md says, then start the program anew.
alarm-no-camera = No camera is chosen yet
    .means = This bin sees nothing before it is told which camera is its own.
    .do = Name the camera in /etc/bunri/bunri.toml, as /usr/share/doc/bunri/INSTALL.md says, then start the program anew.
alarm-jam = An item is jammed
    .means = The flap tried again, and the item is still in the chamber.
    .do = Take the item out by hand. Sorting goes on by itself once the chamber is empty.
alarm-mechanism = The flap does not get where it should
    .means = A movement took too long, or the end-stops contradict each other.
    .do = Switch the power off, then look for something caught in the flap and check the end-stops' wiring.
alarm-ledger = Drops cannot be recorded
    .means = The disk is full or cannot be written. Nothing is sorted without a record.
    .do = Check the disk's free space and health.
alarm-camera = No signal from the camera
    .means = There has been no usable picture for more than a second.
    .do = Check the camera's USB cable and power. It goes on within 3 seconds of its return.
alarm-blocked = The chamber is blocked
    .means = Something neither settles nor leaves.
    .do = Look for something caught in the opening or the chamber, and check that its light is on.
alarm-crew-called = A resident calls the crew
    .means = Somebody pressed the button on the front. Sorting goes on.
    .do = Go and see, then press "Call heard" on the page Flap.
alarm-sensor = It is unknown how full a compartment is
    .means = A compartment's sensor is missing, or says what cannot be. Nothing is taken for empty; sorting goes on.
    .do = Look at Check-up for which one. Say yourself what is full or emptied until it is mended.
alarm-button = The button on the front sticks
    .means = It is held, or its line cannot be read. It means nothing meanwhile; sorting goes on.
    .do = Free the button, or pull its plug, and check its line.
alarm-loop = The sorting loop is silent
    .means = This page is alive, but the sorting loop does not answer.
    .do = It restarts by itself shortly. If this stays, look at the system's log.
alarm-disk = The disk is almost full
    .means = There are less than 200 MB left where the ledger is. When it is full, nothing is sorted.
    .do = Delete what does not belong there, or change the disk.
alarm-hot = The board is hot
    .means = At 80 °C and more the processor slows down, and looking takes longer.
    .do = Free the air vents and shade the bin. Look at its fan.
alarm-clock = The clock is not set by a time service
    .means = Times of drops may be wrong. They are marked as such, also at the hub; sorting goes on.
    .do = Connect the bin to a network with a time service. It is set by itself then.
alarm-book = The ledger cannot be read
    .means = The drops and counts below may be old.
    .do = Check the disk: { $why }
alarm-uplink-refused = The city's hub refuses this bin
    .means = The drops stay on the disk; none is lost.
    .do = Check name, password and certificate: { $why }
alarm-uplink-lost = No connection to the city's hub
    .means = Drops are kept on the disk and sent when it is back. Sorting goes on.
    .do = If this lasts, check the cable and the router.
alarm-uplink-unheard = The city's hub is not listening
    .means = The broker takes this bin in, but nobody is subscribed to its drops. They are kept on the disk. Sorting goes on.
    .do = Nothing here: tell the hub's people that bunri-hub is not subscribed.

picture-title = Chamber
picture-alt = Live picture of the chamber from above
picture-region = region
picture-item = item
picture-hand = A hand is in view
picture-moving = Moving
picture-still = Still
picture-empty = Empty
picture-learning = Learning the empty chamber
picture-dark = Too dark
picture-no-signal = No signal
picture-no-signal-since = last picture { $age } ago
picture-never = there was no picture yet

sees-title = What it sees
sees-votes = { $count ->
    [one] { $count } vote
   *[other] { $count } votes
}
sees-no-votes = Nothing is being looked at
sees-last = Last verdict
sees-none = No verdict in this run yet

verdict-returned = Given back
verdict-looked-like = looked like { $stream }

probability = Probability

verdict-label = label { $label }
verdict-took = { $ms } ms

machine-title = Machine

flap-title = Flap
flap-home = Home
flap-unknown = Position not known yet
flap-resting-home = Rests at home
flap-resting = At { $place }
flap-going-home = On its way home
flap-going = On its way to { $place }
flap-turning-back = Turning back
flap-failed = Out of order, released

camera-title = Camera
camera-fps = { $fps } frames/s
camera-refused = { $count ->
    [one] { $count } picture refused
   *[other] { $count } pictures refused
}
camera-opening = Opening
camera-ended = The replay is over
camera-lost = Not found

infer-title = Recognition
infer-p50 = { $ms } ms typical
infer-p99 = { $ms } ms slow (p99)
infer-none = none yet

board-title = Board
board-temperature = { $celsius } °C
board-no-temperature = No sensor

disk-title = Disk
disk-free = { $size } GB free
disk-of = of { $size } GB
disk-unknown = Unknown

clock-title = Clock
clock-synchronised = Synchronised
clock-alone = Not synchronised

uplink-title = City's hub
uplink-connected = Connected
uplink-unheard = Connected, nobody listens
uplink-disconnected = Not connected
uplink-refused = Refused
uplink-none = Not configured
uplink-backlog-none = everything sent
uplink-backlog = { $count } to send
uplink-oldest = oldest { $age } ago
uplink-given-up = { $count } given up, too old or too many
uplink-since = for { $age }

newcomer-title = New model
newcomer-items = { $judged } of { $wanted } items
newcomer-shadow = { $bundle } judges alongside and decides nothing; { $agreed } alike so far.
newcomer-trial = It decides, on trial. What it gets wrong brings the old one back.
newcomer-refused = Refused

about-title = This bin
about-software = Software
about-bundle = Model
about-config = Configuration
about-calibration = Calibration
about-up-since = Up since
about-zone = Time zone
