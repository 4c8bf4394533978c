# 지금: 상태, 먼저 볼 것, 영상, 기계

tab-now = 지금

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
state-maintenance = 정비 중
    .means = 점검원이 작업하는 동안 분류하지 않습니다.

alarms-title = 먼저 볼 것
alarm-to-do = 할 일
alarm-no-rig = 아직 구동 장치를 고르지 않았습니다
    .means = 분류판을 무엇이 움직이는지 정할 때까지 아무것도 움직이지 않고 분류하지 않습니다.
    .do = /usr/share/doc/bunri/INSTALL.md에 따라 /etc/bunri/bunri.toml에서 장치를 고른 뒤 프로그램을 다시 시작하세요.
alarm-no-camera = 아직 카메라를 고르지 않았습니다
    .means = 어느 카메라를 쓸지 정할 때까지 아무것도 보지 못합니다.
    .do = /usr/share/doc/bunri/INSTALL.md에 따라 /etc/bunri/bunri.toml에 카메라를 적은 뒤 프로그램을 다시 시작하세요.
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
alarm-crew-called = 주민이 점검원을 부릅니다
    .means = 앞면의 버튼이 눌렸습니다. 분류는 계속됩니다.
    .do = 가서 확인한 뒤 분류판 화면에서 '호출 확인'을 누르세요.
alarm-sensor = 칸이 얼마나 찼는지 알 수 없습니다
    .means = 칸의 센서가 없거나 있을 수 없는 값을 냅니다. 비었다고 여기지 않으며 분류는 계속됩니다.
    .do = 점검 화면에서 어느 칸인지 보세요. 고칠 때까지는 가득 참과 비움을 직접 알려 주세요.
alarm-button = 앞면의 버튼이 눌린 채입니다
    .means = 버튼이 걸렸거나 신호선을 읽을 수 없습니다. 그동안 버튼은 아무 일도 하지 않으며 분류는 계속됩니다.
    .do = 버튼을 빼내거나 플러그를 뽑고 신호선을 확인하세요.
alarm-loop = 분류 과정의 소식이 없습니다
    .means = 화면은 살아 있지만 분류 과정이 답하지 않습니다.
    .do = 곧 스스로 다시 시작합니다. 계속되면 시스템 기록을 보세요.
alarm-disk = 디스크가 거의 찼습니다
    .means = 장부가 있는 디스크에 200 MB도 남지 않았습니다. 가득 차면 분류를 멈춥니다.
    .do = 필요 없는 파일을 지우거나 디스크를 바꾸십시오.
alarm-hot = 보드가 뜨겁습니다
    .means = 80 °C가 넘으면 처리 장치가 느려져 인식이 오래 걸립니다.
    .do = 통풍구를 열고 햇빛을 가리십시오. 팬을 확인하십시오.
alarm-clock = 시계가 시각 서버와 맞지 않습니다
    .means = 투입 시각이 틀릴 수 있습니다. 기록과 시 서버에 그렇게 표시됩니다. 분류는 계속됩니다.
    .do = 시각 서버가 있는 통신망에 연결하세요. 그러면 저절로 맞춰집니다.
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

sees-title = 무엇으로 보는가
sees-votes = 투표 { $count }회
sees-no-votes = 살펴보는 물건이 없습니다
sees-last = 마지막 판정
sees-none = 이번 실행에서는 아직 판정이 없습니다

verdict-returned = 돌려줌
verdict-looked-like = { $stream } 같아 보임

probability = 확률

verdict-label = 분류 이름 { $label }
verdict-took = { $ms } ms

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
uplink-given-up = 너무 오래되었거나 많아 포기한 것 { $count }건
uplink-since = { $age }째

newcomer-title = 새 모델
newcomer-items = { $wanted }개 중 { $judged }개
newcomer-shadow = { $bundle }: 결정하지 않고 함께 판정합니다. 지금까지 같은 판정 { $agreed }개.
newcomer-trial = 시험 삼아 결정하고 있습니다. 잘못하면 이전 모델로 돌아갑니다.
newcomer-refused = 쓰지 않기로 함

about-title = 이 수거함
about-software = 프로그램
about-bundle = 모델
about-config = 설정
about-calibration = 보정
about-up-since = 켜진 때
about-zone = 시간대
