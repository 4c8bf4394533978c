# The words of the crew's page. Its keys must equal those of ko.ftl (a test checks it).

language-other = 한국어
skip-to-content = Skip to content

# Around every page
menu = Menu
tab-now = Now
tab-flap = Flap
tab-compartments = Compartments
tab-settings = Settings
who-anyone = Anyone on this machine may act (set so for a demonstration).
who-acts = { $name } · may act
who-looks = { $name } · may look
log-out = Log out

# Login
login-title = Log in
login-name = Name
login-password = Password
login-go = Log in
login-wrong = Name or password is wrong.
login-locked = Too many wrong passwords. Try again in { $wait }.
login-busy = Other logins are being checked. Try again in a moment.
login-token = This form was old. Log in again.
login-none = There is no login yet.
login-none-do = Make the first one in the bin's terminal. There is no default password.

# What became of a request
note-not-understood = That was not understood. Nothing was changed.
note-not-written = It could not be written down. Nothing was changed. Check the disk.
note-loop-silent = It is written down, but the sorting loop does not answer. It holds after its restart.
note-compartment-said = Noted.
note-flap-asked = Asked. See above what the flap does.
note-loop-unheard = The sorting loop does not answer. Nothing was changed.
note-not-in-maintenance = Not in maintenance. Switch it on, and wait until the present item is dealt with.
note-busy = The flap moves already.
note-guarded = A guard is active: close the service door and free the opening.
note-hand-seen = A hand is in view. Take it out, then ask again.
note-not-still = Something moves, or it is too dark. Wait, then ask again.
note-no-picture = There is no picture, so the flap does not move.
note-no-such-compartment = There is no such compartment.
note-not-homed = Nobody knows where the flap is. Send it home first.
note-knobs-same = Nothing was changed.
note-knobs-applied = Applied. It holds from now on.
note-knobs-restart = Written. Some of it holds only after the program's next start.

# Flap
service-off = Not in maintenance
service-on = Maintenance
service-left = Ends by itself in { $age }, then the flap goes home.
service-to-go = { $count ->
    [one] { $count } movement to go
   *[other] { $count } movements to go
}
inputs-title = Switches
inputs-place = The drive sees: { $place }
inputs-between = between two places
inputs-contradiction = two places at once: a wiring fault
inputs-none = This drive has no switches.
input-active = active
input-idle = idle
legs-to = To
legs-took = Took
legs-end = Ended
leg-arrived = arrived
leg-turned-back = turned back
leg-prevented = not begun
leg-failed = failed
flap-ask = Turn it
flap-ask-note = In maintenance only, and never while a hand is seen. A movement begins when the picture is still.
flap-maintenance-on = Maintenance on
flap-maintenance-off = Maintenance off
flap-stop = Stop, turn back
flap-tour = Test every place
flap-reset = Jam is mended

# Settings
knobs-note = All of them are checked together. An empty field goes back to what the file says.
knobs-apply = Apply
knobs-undo = Undo the last change
knobs-changed = changed here
knobs-restart = from the next start
knobs-refused = Refused. Nothing was changed.
knobs-back = Back to the settings
knob-threshold = { $stream }: least probability (0 to 1)
knob-judge-cost-lost = Cost: a recyclable lost to general waste
knob-judge-cost-contaminated = Cost: a recyclable in another stream
knob-judge-cost-dirty = Cost: general waste in a clean stream
knob-judge-settle-ms = Lies still before it is looked at (ms)
knob-judge-vote-limit-ms = Looks at most for (ms)
knob-judge-votes-least = Votes at least
knob-judge-votes-most = Votes at most
knob-judge-clear-hold-ms = Seen empty before a drop counts (ms)
knob-judge-clear-limit-ms = Still there: try again after (ms)
knob-judge-retries = Tries before it is a jam
knob-mechanism-move-limit-ms = A movement may take (ms)
knob-web-idle-min = Log out after (min) without use
audit-title = What was done
audit-none = Nothing yet
audit-refused = refused:
audit-failed = failed:
file-title = Running configuration
file-show = Show the file

# Compartments
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

# Connection
lost-title = Connection lost
lost-means = Reconnecting. What you see below is from before.
refused-title = Too many pages are open
refused-means = It goes on here when another one is closed.
not-found-title = There is no such page
not-found-back = To the status page
no-script = Scripts are off in this browser, so the page reloads every 5 seconds.

# States
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

# First things first
alarms-title = Look at this first
alarm-to-do = To do
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
alarm-loop = The sorting loop is silent
    .means = This page is alive, but the sorting loop does not answer.
    .do = It restarts by itself shortly. If this stays, look at the system's log.
alarm-disk = The disk is almost full
    .means = There are less than 200 MB left where the ledger is. When it is full, nothing is sorted.
    .do = Delete what does not belong there, or change the disk.
alarm-hot = The board is hot
    .means = At 80 °C and more the processor slows down, and looking takes longer.
    .do = Free the air vents and shade the bin. Look at its fan.
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

# Picture
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

# Verdict
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
verdict-took = { $ms } ms
compartment = compartment { $number }
reason-not-sure = not sure enough
reason-unknown = unlike anything it knows
reason-two-items = two different items
reason-compartment-full = compartment is full
reason-compartment-disabled = compartment is closed
reason-not-collected-here = not collected here

# Streams
stream-clear-pet = Clear PET bottle
stream-plastic = Other plastic
stream-can = Cans and metal
stream-glass = Glass bottle
stream-paper = Paper, cardboard
stream-carton = Paper pack
stream-film = Film and bags
stream-foam = Foam
stream-general = General waste

# Machine
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
uplink-since = for { $age }

# Drops
drops-title = Last drops
drops-none = No drops yet
drops-unsynchronised = ≈ before the clock was synchronised
drop-void = Did not happen
void-disturbed = it moved and was judged anew
void-hand = a hand came, the flap turned back
void-taken-back = taken back
void-jam = a jam was removed
void-mechanism-fault = flap fault
void-still-there = still there, judged anew

# Counts
counts-title = Counts
counts-stream = Stream
counts-today = Today
counts-all = All
counts-total = Total
counts-rejected = Rejected to general waste
counts-returned = Given back
counts-note = General waste includes items it was not sure about.

# Footer
about-title = This bin
about-software = Software
about-bundle = Model
about-config = Configuration
about-up-since = Up since
about-zone = Time zone

age-seconds = { $count } s
age-minutes = { $count } min
age-hours = { $count } h
age-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
