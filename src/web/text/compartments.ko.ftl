# 칸

tab-compartments = 칸 비우기

note-compartment-said = 기록했습니다.

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
