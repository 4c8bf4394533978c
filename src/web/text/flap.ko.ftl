# 분류판

tab-flap = 분류판

note-flap-asked = 요청했습니다. 분류판의 움직임은 위에 나옵니다.
note-call-heard = 호출을 확인했습니다. 5분 동안은 버튼을 눌러도 다시 부르지 않습니다.
note-not-in-maintenance = 정비 중이 아닙니다. 정비를 켜고 지금 물건이 처리될 때까지 기다리십시오.
note-busy = 분류판이 이미 움직이고 있습니다.
note-guarded = 안전 장치가 작동 중입니다. 정비문을 닫고 투입구를 비우십시오.
note-hand-seen = 손이 보입니다. 손을 빼고 다시 요청하십시오.
note-not-still = 무언가 움직이거나 너무 어둡습니다. 잠시 뒤에 다시 요청하십시오.
note-no-picture = 화면이 없어 분류판을 움직이지 않습니다.
note-no-such-compartment = 그런 칸은 없습니다.
note-not-homed = 분류판의 위치를 모릅니다. 먼저 제자리로 보내십시오.

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
flap-call-heard = 호출 확인
