# Flap

tab-flap = Flap

note-flap-asked = Asked. See above what the flap does.
note-call-heard = The call is answered. For five minutes the button calls nobody anew.
note-not-in-maintenance = Not in maintenance. Switch it on, and wait until the present item is dealt with.
note-busy = The flap moves already.
note-guarded = A guard is active: close the service door and free the opening.
note-hand-seen = A hand is in view. Take it out, then ask again.
note-not-still = Something moves, or it is too dark. Wait, then ask again.
note-no-picture = There is no picture, so the flap does not move.
note-no-such-compartment = There is no such compartment.
note-not-homed = Nobody knows where the flap is. Send it home first.

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
flap-call-heard = Call heard
