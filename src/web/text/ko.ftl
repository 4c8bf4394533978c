# 점검원이 보는 화면의 말. en.ftl과 열쇠가 같아야 한다(시험이 확인한다).

language-other = English
skip-to-content = 본문으로 가기

# 모든 쪽의 둘레
menu = 메뉴
tab-now = 지금
tab-flap = 분류판
tab-compartments = 칸 비우기
tab-settings = 설정
who-anyone = 이 장치에서는 누구나 조작할 수 있습니다 (시연용 설정).
who-acts = { $name } · 조작 가능
who-looks = { $name } · 보기 전용
log-out = 로그아웃

# 로그인
login-title = 로그인
login-name = 이름
login-password = 비밀번호
login-go = 로그인
login-wrong = 이름이나 비밀번호가 맞지 않습니다.
login-locked = 잘못된 비밀번호가 너무 많았습니다. { $wait } 뒤에 다시 시도하십시오.
login-busy = 다른 로그인을 처리하고 있습니다. 잠시 뒤에 다시 시도하십시오.
login-token = 이 양식이 오래되었습니다. 다시 로그인하십시오.
login-none = 아직 로그인이 만들어지지 않았습니다.
login-none-do = 수거함의 터미널에서 첫 로그인을 만드십시오. 기본 비밀번호는 없습니다.

# 요청의 결과
note-not-understood = 알 수 없는 요청입니다. 아무것도 바뀌지 않았습니다.
note-not-written = 기록할 수 없어 아무것도 바꾸지 않았습니다. 디스크를 확인하십시오.
note-loop-silent = 기록했지만 분류 루프가 대답하지 않습니다. 다시 시작하면 적용됩니다.
note-compartment-said = 기록했습니다.
note-flap-asked = 요청했습니다. 분류판의 움직임은 위에 나옵니다.
note-loop-unheard = 분류 루프가 대답하지 않습니다. 아무것도 바뀌지 않았습니다.
note-not-in-maintenance = 정비 중이 아닙니다. 정비를 켜고 지금 물건이 처리될 때까지 기다리십시오.
note-busy = 분류판이 이미 움직이고 있습니다.
note-guarded = 안전 장치가 작동 중입니다. 정비문을 닫고 투입구를 비우십시오.
note-hand-seen = 손이 보입니다. 손을 빼고 다시 요청하십시오.
note-not-still = 무언가 움직이거나 너무 어둡습니다. 잠시 뒤에 다시 요청하십시오.
note-no-picture = 화면이 없어 분류판을 움직이지 않습니다.
note-no-such-compartment = 그런 칸은 없습니다.
note-not-homed = 분류판의 위치를 모릅니다. 먼저 제자리로 보내십시오.
note-knobs-same = 바뀐 것이 없습니다.
note-knobs-applied = 적용했습니다. 지금부터 유효합니다.
note-knobs-restart = 저장했습니다. 일부는 프로그램을 다시 시작한 뒤에 적용됩니다.

# 분류판
service-off = 정비 중 아님
service-on = 정비 중
service-left = { $age } 뒤에 저절로 끝나고 분류판이 제자리로 갑니다.
service-to-go = 남은 움직임 { $count }번
inputs-title = 스위치
inputs-place = 구동부가 보는 위치: { $place }
inputs-between = 두 자리 사이
inputs-contradiction = 두 자리가 동시에 감지됨: 배선 이상
inputs-none = 이 구동부에는 스위치가 없습니다.
input-active = 켜짐
input-idle = 꺼짐
legs-to = 어디로
legs-took = 걸린 시간
legs-end = 결과
leg-arrived = 도착
leg-turned-back = 되돌아옴
leg-prevented = 시작하지 않음
leg-failed = 실패
flap-ask = 움직이기
flap-ask-note = 정비 중에만 움직이고, 손이 보이면 움직이지 않습니다. 화면이 멈추어 있을 때 시작합니다.
flap-maintenance-on = 정비 켜기
flap-maintenance-off = 정비 끄기
flap-stop = 멈추고 되돌리기
flap-tour = 모든 자리 시험
flap-reset = 걸림 해결됨

# 설정
knobs-note = 모두 함께 검사합니다. 빈칸은 파일의 값으로 돌아갑니다.
knobs-apply = 적용
knobs-undo = 마지막 변경 되돌리기
knobs-changed = 여기서 바꿈
knobs-restart = 다음 시작부터
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
audit-title = 한 일
audit-none = 아직 없음
audit-refused = 거부:
audit-failed = 실패:
file-title = 실행 중인 설정
file-show = 파일 보기

# 칸
compartment-open = 열림
compartment-full = 가득 참
compartment-closed = 닫힘
compartment-items = 비운 뒤 { $count }개
compartment-emptied = { $time } 비움
compartment-never = 비운 기록 없음
compartment-say-emptied = 비웠음
compartment-say-full = 가득 참
compartment-say-not-full = 가득 차지 않음
compartment-say-closed = 닫기
compartment-say-opened = 다시 열기

# 연결
lost-title = 연결이 끊겼습니다
lost-means = 다시 연결하고 있습니다. 아래 값은 끊기기 전의 것입니다.
refused-title = 열린 화면이 너무 많습니다
refused-means = 다른 화면을 닫으면 이어집니다.
not-found-title = 그런 쪽은 없습니다
not-found-back = 상태 화면으로
no-script = 이 브라우저에서는 스크립트가 꺼져 있어 5초마다 새로 읽습니다.

# 상태
state-unknown = 기다리는 중
    .means = 분류 과정이 아직 시작되지 않았습니다.
state-camera-lost = 카메라 없음
    .means = 영상이 들어오지 않아 분류를 멈췄습니다.
state-starting = 시작하는 중
    .means = 투입실 안에 무엇이 있는지 확인합니다.
state-empty = 준비됨
    .means = 투입실이 비어 있습니다. 물건을 기다립니다.
state-full = 가득 참
    .means = 모든 칸이 가득 찼거나 닫혀 있습니다.
state-arriving = 들어오는 중
    .means = 물건이나 손이 움직입니다. 멈출 때까지 기다립니다.
state-settled = 살펴보는 중
    .means = 물건이 가만히 있습니다. 무엇인지 보고 있습니다.
state-decided = 판정함
    .means = 움직이기 전에 판정을 먼저 기록합니다.
state-routing = 보내는 중
    .means = 분류판이 움직이거나 곧 움직입니다.
state-clearing = 떨어지는 중
    .means = 물건이 투입실에서 나가기를 기다립니다.
state-homing = 제자리로
    .means = 분류판이 제자리로 돌아갑니다.
state-returning = 돌려주는 중
    .means = 주민이 물건을 다시 가져가기를 기다립니다.
state-jam = 걸림
    .means = 물건이 투입실에 남아 있어 분류를 멈췄습니다.
state-mechanism-fault = 분류판 고장
    .means = 분류판이 가야 할 곳에 닿지 않습니다.
state-ledger-fault = 기록 불가
    .means = 기록할 수 없으면 움직이지 않습니다.
state-maintenance = 점검 중
    .means = 점검원이 작업하는 동안 분류하지 않습니다.

# 먼저 볼 것
alarms-title = 먼저 볼 것
alarm-to-do = 할 일
alarm-jam = 물건이 걸렸습니다
    .means = 다시 움직여 보았지만 물건이 투입실에 남아 있습니다.
    .do = 물건을 손으로 꺼내세요. 비면 스스로 다시 시작합니다.
alarm-mechanism = 분류판이 제자리에 닿지 않습니다
    .means = 정해진 시간 안에 움직임이 끝나지 않았거나 끝 스위치가 서로 맞지 않습니다.
    .do = 전원을 내리고 분류판에 끼인 것과 끝 스위치의 배선을 확인하세요.
alarm-ledger = 기록할 수 없습니다
    .means = 디스크가 가득 찼거나 쓸 수 없습니다. 기록 없이는 분류하지 않습니다.
    .do = 디스크의 남은 공간과 상태를 확인하세요.
alarm-camera = 카메라 신호가 없습니다
    .means = 1초 넘게 쓸 수 있는 영상이 없습니다.
    .do = 카메라의 USB 선과 전원을 확인하세요. 돌아오면 3초 안에 이어집니다.
alarm-blocked = 투입실이 막혀 있습니다
    .means = 무엇인가 멈추지도 나가지도 않습니다.
    .do = 투입구와 투입실에 걸린 것이 있는지, 조명이 켜져 있는지 확인하세요.
alarm-loop = 분류 과정의 소식이 없습니다
    .means = 화면은 살아 있지만 분류 과정이 답하지 않습니다.
    .do = 곧 스스로 다시 시작합니다. 계속되면 시스템 기록을 보세요.
alarm-disk = 디스크가 거의 찼습니다
    .means = 장부가 있는 디스크에 200 MB도 남지 않았습니다. 가득 차면 분류를 멈춥니다.
    .do = 필요 없는 파일을 지우거나 디스크를 바꾸십시오.
alarm-hot = 보드가 뜨겁습니다
    .means = 80 °C가 넘으면 처리 장치가 느려져 인식이 오래 걸립니다.
    .do = 통풍구를 열고 햇빛을 가리십시오. 팬을 확인하십시오.
alarm-book = 기록을 읽을 수 없습니다
    .means = 아래의 투입 목록과 개수가 오래된 것일 수 있습니다.
    .do = 디스크를 확인하세요: { $why }
alarm-uplink-refused = 시 서버가 이 수거함을 거절합니다
    .means = 투입 기록은 디스크에 남아 있고 잃지 않습니다.
    .do = 이름, 암호, 인증서를 확인하세요: { $why }
alarm-uplink-lost = 시 서버와 연결되지 않았습니다
    .means = 투입 기록은 디스크에 모였다가 연결되면 보내집니다. 분류는 계속됩니다.
    .do = 오래 이어지면 통신선과 공유기를 확인하세요.
alarm-uplink-unheard = 시 서버가 듣고 있지 않습니다
    .means = 중계 서버와는 연결되었지만 투입 기록을 받는 곳이 없습니다. 기록은 디스크에 모입니다. 분류는 계속됩니다.
    .do = 여기서 할 일은 없습니다. 시 서버 담당자에게 bunri-hub의 구독이 없다고 알려 주세요.

# 영상
picture-title = 투입실
picture-alt = 투입실을 위에서 본 실시간 영상
picture-region = 보는 범위
picture-item = 물건
picture-hand = 손이 보입니다
picture-moving = 움직임
picture-still = 멈춤
picture-empty = 비어 있음
picture-learning = 빈 투입실을 익히는 중
picture-dark = 너무 어두움
picture-no-signal = 신호 없음
picture-no-signal-since = 마지막 영상 { $age } 전
picture-never = 아직 영상이 없습니다

# 판정
sees-title = 무엇으로 보는가
sees-votes = 투표 { $count }회
sees-no-votes = 살펴보는 물건이 없습니다
sees-last = 마지막 판정
sees-none = 이번 실행에서는 아직 판정이 없습니다
verdict-returned = 돌려줌
verdict-looked-like = { $stream } 같아 보임
probability = 확률
verdict-took = { $ms } ms
compartment = { $number }번 칸
reason-not-sure = 확신할 수 없음
reason-unknown = 처음 보는 물건
reason-two-items = 두 가지가 함께 있음
reason-compartment-full = 그 칸이 가득 참
reason-compartment-disabled = 그 칸이 닫혀 있음
reason-not-collected-here = 여기서 모으지 않음

# 품목
stream-clear-pet = 투명 페트병
stream-plastic = 플라스틱
stream-can = 캔·고철
stream-glass = 유리병
stream-paper = 종이
stream-carton = 종이팩
stream-film = 비닐
stream-foam = 스티로폼
stream-general = 일반쓰레기

# 기계
machine-title = 기계
flap-title = 분류판
flap-home = 제자리
flap-unknown = 위치를 아직 모름
flap-resting-home = 제자리에 있음
flap-resting = { $place }에 있음
flap-going-home = 제자리로 가는 중
flap-going = { $place }으로 가는 중
flap-turning-back = 되돌아가는 중
flap-failed = 고장, 힘을 뺐음
camera-title = 카메라
camera-fps = 초당 { $fps }장
camera-refused = 버린 영상 { $count }장
camera-opening = 여는 중
camera-ended = 재생이 끝남
camera-lost = 찾을 수 없음
infer-title = 인식 시간
infer-p50 = 보통 { $ms } ms
infer-p99 = 느릴 때(p99) { $ms } ms
infer-none = 아직 없음
board-title = 보드
board-temperature = { $celsius } °C
board-no-temperature = 센서 없음
disk-title = 디스크
disk-free = { $size } GB 남음
disk-of = 전체 { $size } GB
disk-unknown = 알 수 없음
clock-title = 시계
clock-synchronised = 동기화됨
clock-alone = 동기화되지 않음
uplink-title = 시 서버
uplink-connected = 연결됨
uplink-unheard = 연결됨, 받는 곳 없음
uplink-disconnected = 연결 안 됨
uplink-refused = 거절됨
uplink-none = 연결하지 않는 설정
uplink-backlog-none = 모두 보냈습니다
uplink-backlog = 보낼 것 { $count }건
uplink-oldest = 가장 오래된 것 { $age } 전
uplink-since = { $age }째

# 투입 목록
drops-title = 최근 투입
drops-none = 아직 투입이 없습니다
drops-unsynchronised = ≈ 시계가 맞춰지기 전의 시각
drop-void = 없던 일로 함
void-disturbed = 움직여서 다시 봄
void-hand = 손이 들어와 되돌림
void-taken-back = 다시 가져감
void-jam = 걸린 것을 꺼냄
void-mechanism-fault = 분류판 고장
void-still-there = 아직 있어서 다시 봄

# 개수
counts-title = 개수
counts-stream = 품목
counts-today = 오늘
counts-all = 전체
counts-total = 합계
counts-rejected = 일반쓰레기로 보낸 것
counts-returned = 돌려준 것
counts-note = 일반쓰레기에는 확신하지 못한 물건도 들어갑니다.

# 꼬리말
about-title = 이 수거함
about-software = 프로그램
about-bundle = 모델
about-config = 설정
about-up-since = 켜진 때
about-zone = 시간대

age-seconds = { $count }초
age-minutes = { $count }분
age-hours = { $count }시간
age-days = { $count }일
