# 모든 쪽의 둘레: 메뉴, 연결, 요청의 결과. 두 말의 열쇠는 파일마다 같아야 한다(시험이 확인한다).

language-other = English

skip-to-content = 본문으로 가기

menu = 메뉴

who-anyone = 이 장치에서는 누구나 조작할 수 있습니다 (시연용 설정).
who-acts = { $name } · 조작 가능
who-looks = { $name } · 보기 전용

log-out = 로그아웃

note-not-understood = 알 수 없는 요청입니다. 아무것도 바뀌지 않았습니다.
note-not-written = 기록할 수 없어 아무것도 바꾸지 않았습니다. 디스크를 확인하십시오.
note-loop-silent = 기록했지만 분류 루프가 대답하지 않습니다. 다시 시작하면 적용됩니다.
note-loop-unheard = 분류 루프가 대답하지 않습니다. 아무것도 바뀌지 않았습니다.

lost-title = 연결이 끊겼습니다
lost-means = 다시 연결하고 있습니다. 아래 값은 끊기기 전의 것입니다.

refused-title = 열린 화면이 너무 많습니다
refused-means = 다른 화면을 닫으면 이어집니다.

not-found-title = 그런 쪽은 없습니다
not-found-back = 상태 화면으로

no-script = 이 브라우저에서는 스크립트가 꺼져 있어 5초마다 새로 읽습니다.
