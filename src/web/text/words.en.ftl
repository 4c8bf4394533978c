# Words that several pages use: streams, reasons, ages

compartment = compartment { $number }

reason-not-sure = not sure enough
reason-unknown = unlike anything it knows
reason-two-items = two different items
reason-compartment-full = compartment is full
reason-compartment-disabled = compartment is closed
reason-not-collected-here = not collected here

stream-clear-pet = Clear PET bottle
stream-plastic = Other plastic
stream-can = Cans and metal
stream-glass = Glass bottle
stream-paper = Paper, cardboard
stream-carton = Paper pack
stream-film = Film and bags
stream-foam = Foam
stream-general = General waste
stream-city-1 = City stream 1
stream-city-2 = City stream 2
stream-city-3 = City stream 3

void-disturbed = it moved and was judged anew
void-hand = a hand came, the flap turned back
void-taken-back = taken back
void-jam = a jam was removed
void-mechanism-fault = flap fault
void-still-there = still there, judged anew

age-seconds = { $count } s
age-minutes = { $count } min
age-hours = { $count } h
age-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
