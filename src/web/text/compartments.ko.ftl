# 칸

tab-compartments = 칸 비우기

note-compartment-said = 기록했습니다.

compartment-open = 열림
compartment-full = 가득 참
compartment-closed = 닫힘
compartment-items = 비운 뒤 { $count }개
compartment-emptied = { $time } 비움
compartment-never = 비운 기록 없음
compartment-distance = 센서: 아래로 { $mm } mm
compartment-room = 센서에 따르면 자리가 있습니다.
compartment-unknown = 얼마나 찼는지 알 수 없습니다.
sensor-missing = 센서가 보드에 없습니다.
sensor-failing = 센서가 답하지 않습니다.
sensor-out-of-range = 센서가 있을 수 없는 값을 냅니다.
sensor-scattered = 센서의 값이 매번 다릅니다.
sensor-stuck = 무엇을 넣어도 센서의 값이 그대로입니다.
sensor-uncalibrated = 아직 재지 않았습니다: bunri calibrate sensors.
sensor-silent = 한동안 센서의 소식이 없습니다.
compartment-say-emptied = 비웠음
compartment-say-full = 가득 참
compartment-say-not-full = 가득 차지 않음
compartment-say-closed = 닫기
compartment-say-opened = 다시 열기
