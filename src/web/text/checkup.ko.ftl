# 점검

tab-checkup = 점검

grade-pass = 정상
grade-warn = 확인
grade-fail = 고장

checkup-pass = 모두 정상입니다
checkup-warn = 쓸 수 있지만 확인할 것이 있습니다
checkup-fail = 고칠 것이 있습니다
checkup-again = 다시 점검
checkup-bundle = 지원 자료 내려받기
checkup-bundle-note = 버전, 점검 결과, 개수, 설정, 최근 기록이 들어 있습니다. 영상과 암호는 들어 있지 않습니다.

check-configuration = 설정
    .step = 적힌 자리를 고친 뒤 bunri check로 다시 확인하세요.
check-camera = 카메라
    .step = 카메라의 USB 선과 전원, [camera] device의 이름을 확인하세요.
check-lines = 신호선
    .step = 교정 파일 [drive]와 [guard]의 선 이름을 gpioinfo의 것과 맞추세요.
check-drive = 구동부
    .step = 전원을 내리고 분류판에 끼인 것과 끝 스위치의 배선을 확인하세요.
check-sensors = 센서
    .step = 적힌 센서의 플러그와 전원, 드라이버, 가리는 것을 확인하세요. 재지 않은 것은 bunri calibrate sensors로 재세요.
check-button = 버튼
    .step = 버튼을 빼내거나 플러그를 뽑고, 교정 파일 [front]의 선을 확인하세요.
check-model = 모델
    .step = [model] bundle의 폴더와 ONNX Runtime 라이브러리를 확인하세요.
check-ledger = 기록
    .step = bunri tally verify를 실행하고, 디스크의 상태를 확인하세요.
check-disk = 디스크 여유
    .step = 오래된 파일을 지우세요. 가득 차면 분류가 멈춥니다.
check-memory = 메모리 여유
    .step = 다른 프로그램을 끄거나 보드를 다시 켜세요.
check-temperature = 온도
    .step = 햇빛과 통풍구를 확인하세요. 뜨거우면 느려집니다.
check-clock = 시계
    .step = 인터넷 시간 동기화(chrony 또는 systemd-timesyncd)를 확인하세요. 그동안의 시각은 어림값입니다.
check-broker = 시 서버
    .step = 통신선과 공유기, [uplink]의 주소와 암호를 확인하세요. 분류는 계속됩니다.
check-permissions = 권한
    .step = [bin] state_dir 폴더를 프로그램의 사용자가 쓸 수 있게 하세요.
