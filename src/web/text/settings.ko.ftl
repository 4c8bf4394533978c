# 설정

tab-settings = 설정

note-knobs-same = 바뀐 것이 없습니다.
note-knobs-applied = 적용했습니다. 지금부터 유효합니다.
note-knobs-restart = 저장했습니다. 일부는 프로그램을 다시 시작한 뒤에 적용됩니다.

knobs-note = 모두 함께 검사합니다. 빈칸은 파일의 값으로 돌아갑니다.
knobs-apply = 적용
knobs-undo = 마지막 변경 되돌리기
knob-changed = 여기서 바꿈
knob-restart = 다음 시작부터
knobs-refused = 거부했습니다. 아무것도 바뀌지 않았습니다.
knobs-back = 설정으로 돌아가기
knob-threshold = { $stream }: 최소 확률 (0~1)
knob-judge-cost-lost = 비용: 재활용품을 일반쓰레기로
knob-judge-cost-contaminated = 비용: 재활용품을 다른 품목으로
knob-judge-cost-dirty = 비용: 일반쓰레기를 깨끗한 품목으로
knob-judge-settle-ms = 보기 전에 멈추어 있을 시간 (ms)
knob-judge-vote-limit-ms = 보는 시간의 한도 (ms)
knob-judge-votes-least = 최소 투표 수
knob-judge-votes-most = 최대 투표 수
knob-judge-clear-hold-ms = 비었다고 볼 시간 (ms)
knob-judge-clear-limit-ms = 남아 있으면 다시 시도할 시간 (ms)
knob-judge-retries = 걸림으로 보기 전 재시도 횟수
knob-mechanism-move-limit-ms = 움직임의 시간 한도 (ms)
knob-web-idle-min = 사용하지 않으면 로그아웃 (분)
knob-web-language = 이 화면들의 말, 주민 화면에서 먼저 나오는 말
knob-web-language-none = 브라우저의 말, 주민 화면은 한국어 먼저
knob-web-language-ko = 한국어
knob-web-language-en = English
knob-web-screen-voice-volume-percent = 주민 화면의 말소리 크기 (0~100)

audit-title = 한 일
audit-none = 아직 없음
audit-refused = 거부:
audit-failed = 실패:

file-title = 실행 중인 설정
file-show = 파일 보기
