# Settings

tab-settings = Settings

note-knobs-same = Nothing was changed.
note-knobs-applied = Applied. It holds from now on.
note-knobs-restart = Written. Some of it holds only after the program's next start.

knobs-note = All of them are checked together. An empty field goes back to what the file says.
knobs-apply = Apply
knobs-undo = Undo the last change
knob-changed = changed here
knob-restart = from the next start
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
knob-web-language = Language of these pages, and the first one on the resident's screen
knob-web-language-none = The browser's; Korean first on the screen
knob-web-language-ko = 한국어
knob-web-language-en = English
knob-web-screen-voice-volume-percent = How loud the resident's screen speaks (0 to 100)

audit-title = What was done
audit-none = Nothing yet
audit-refused = refused:
audit-failed = failed:

file-title = Running configuration
file-show = Show the file
