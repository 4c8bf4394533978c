# Around every page: the menu, the connection, what became of a request. Keys must be the same in both languages, file by file (a test checks it).

language-other = 한국어

skip-to-content = Skip to content

menu = Menu

who-anyone = Anyone on this machine may act (set so for a demonstration).
who-acts = { $name } · may act
who-looks = { $name } · may look

log-out = Log out

note-not-understood = That was not understood. Nothing was changed.
note-not-written = It could not be written down. Nothing was changed. Check the disk.
note-loop-silent = It is written down, but the sorting loop does not answer. It holds after its restart.
note-loop-unheard = The sorting loop does not answer. Nothing was changed.

lost-title = Connection lost
lost-means = Reconnecting. What you see below is from before.

refused-title = Too many pages are open
refused-means = It goes on here when another one is closed.

not-found-title = There is no such page
not-found-back = To the status page

no-script = Scripts are off in this browser, so the page reloads every 5 seconds.
