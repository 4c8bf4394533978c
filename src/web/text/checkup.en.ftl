# Check-up

tab-checkup = Check-up

grade-pass = pass
grade-warn = look
grade-fail = FAIL

checkup-pass = Everything is as it should be
checkup-warn = It works, and something is worth a look
checkup-fail = Something needs mending
checkup-again = Check again
checkup-bundle = Download the support bundle
checkup-bundle-note = Versions, these findings, counters, the configuration and the newest log lines. No pictures, no passwords.

check-configuration = configuration
    .step = Mend what is named, then run bunri check again.
check-camera = camera
    .step = Check the camera's USB cable and power, and the name in [camera] device.
check-lines = lines
    .step = Compare the lines named in the calibration's [drive] and [guard] with what gpioinfo lists.
check-drive = drive
    .step = Switch the power off, look for something caught in the flap, check the end-stops' wiring.
check-sensors = sensors
    .step = Look at the sensor that is named: its plug, supply and driver, and what is in its way. Unmeasured: bunri calibrate sensors.
check-button = button
    .step = Free the button, or pull its plug; check its line in the calibration's [front].
check-model = model
    .step = Check the folder in [model] bundle and the ONNX Runtime library.
check-ledger = ledger
    .step = Run bunri tally verify, and check the disk's health.
check-disk = free disk
    .step = Delete old files: sorting stops when the disk is full.
check-memory = free memory
    .step = End other programs, or restart the board.
check-temperature = temperature
    .step = Check sun and vents: a hot board is a slow one.
check-clock = clock
    .step = Check the time service (chrony or systemd-timesyncd). Until then times are estimates.
check-broker = hub's broker
    .step = Check cable, router, and the address and password in [uplink]. Sorting goes on meanwhile.
check-permissions = permissions
    .step = Let the program's user write in the folder [bin] state_dir.
